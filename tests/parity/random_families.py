"""Random tiny models of transformers, of every family that kerasx reads."""

from dataclasses import dataclass, field

import torch
import transformers

__all__ = ["FAMILIES", "Family", "random_model"]

NO_IDS = {"pad_token_id": None, "bos_token_id": None, "eos_token_id": None}


def sizes(draw):
    """Return random sizes under BERT's names."""
    heads, size = draw.choice([1, 2, 4]), draw.choice([4, 8])
    return {
        "vocab_size": draw.randint(24, 40),
        "hidden_size": heads * size,
        "num_hidden_layers": draw.randint(1, 3),
        "num_attention_heads": heads,
        "intermediate_size": draw.choice([12, 16, 20]),
        "max_position_embeddings": draw.randint(16, 24),
        "initializer_range": 0.3,
    }


def renamed(draw, names, **more):
    """Return random sizes under other names."""
    return {names.get(k, k): v for k, v in sizes(draw).items() if names.get(k, k)} | more


def bert(draw, **more):
    act = draw.choice(["gelu", "relu", "gelu_new", "silu"])
    return sizes(draw) | {"hidden_act": act, "layer_norm_eps": draw.choice([1e-12, 1e-5])} | more


def small_embeddings(draw):
    config = bert(draw)
    return config | {"embedding_size": draw.choice([config["hidden_size"], 6])}


def roberta(draw):
    return bert(draw, type_vocab_size=1, pad_token_id=1)


def distilbert(draw):
    names = {
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
    }
    return renamed(draw, names, activation=draw.choice(["gelu", "relu"]))


def deberta(draw):
    attention = {
        "relative_attention": True,
        "pos_att_type": draw.choice(["p2c|c2p", ["c2p"], ["p2c"]]),
        "position_buckets": draw.choice([-1, 4]),
        "norm_rel_ebd": draw.choice(["layer_norm", "none"]),
        "share_att_key": draw.random() < 0.5,
        "position_biased_input": draw.random() < 0.5,
    }
    config = bert(draw, hidden_act="gelu", type_vocab_size=draw.choice([0, 2]))
    return config | draw.choice([{}, attention])


GPT_NAMES = {
    "hidden_size": "n_embd",
    "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head",
    "intermediate_size": None,
    "max_position_embeddings": "n_positions",
}


def gpt(draw):
    return renamed(draw, GPT_NAMES, afn=draw.choice(["gelu", "relu"]))


def gpt2(draw):
    return renamed(draw, GPT_NAMES, n_inner=draw.choice([None, 20]), **NO_IDS)


def llama(draw):
    config = sizes(draw)
    heads = config["num_attention_heads"]
    return {
        **config,
        **NO_IDS,
        "num_key_value_heads": draw.choice([n for n in (1, 2, 4) if heads % n == 0]),
        "head_dim": draw.choice([4, 6]),
        "tie_word_embeddings": draw.random() < 0.5,
    }


def qwen2(draw):
    config = llama(draw)
    return config | {"head_dim": config["hidden_size"] // config["num_attention_heads"]}


def modernbert(draw):
    ids = dict(pad_token_id=1, bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3)
    return sizes(draw) | ids | {"local_attention": 6, "global_attn_every_n_layers": 2}


def bart(draw):
    size, width = sizes(draw), draw.choice([12, 20])
    return {
        "vocab_size": size["vocab_size"],
        "d_model": size["hidden_size"],
        "encoder_ffn_dim": width,
        "decoder_ffn_dim": width,
        "encoder_layers": draw.randint(1, 2),
        "decoder_layers": draw.randint(1, 2),
        "encoder_attention_heads": size["num_attention_heads"],
        "decoder_attention_heads": size["num_attention_heads"],
        "max_position_embeddings": 24,
        "init_std": 0.3,
    }


def t5(draw):
    return {
        "vocab_size": draw.randint(24, 40),
        "d_model": draw.choice([8, 16]),
        "d_kv": draw.randint(3, 6),
        "d_ff": draw.choice([12, 20]),
        "num_layers": draw.randint(1, 2),
        "num_decoder_layers": draw.randint(1, 2),
        "num_heads": draw.randint(1, 3),
        "relative_attention_num_buckets": 8,
        "relative_attention_max_distance": draw.choice([6, 16]),
        "feed_forward_proj": draw.choice(["relu", "gated-gelu", "gated-silu"]),
        "tie_word_embeddings": draw.random() < 0.5,
        "decoder_start_token_id": 0,
    }


@dataclass
class Family:
    """Recipe to draw a model of a family.

    config: function of a random.Random that returns keyword arguments of the configuration.
    heads: {class of transformers: further keyword arguments}, those that kerasx builds.
    foreign: further classes, of which kerasx loads the backbone.
    backbone: arguments of `build_transformer_model` for the backbone alone.
    pad: the padding id, None for a model that masks no padding.
    segments: whether the model has segments.
    inputs: number of sequences.
    """

    config: object
    heads: dict
    foreign: tuple = ()
    backbone: dict = field(default_factory=lambda: {"application": "encoder"})
    pad: int | None = 0
    segments: bool = False
    inputs: int = 1


def named(start, *ends, **more):
    """Return {class: further arguments of its configuration}."""
    causal = ("ForCausalLM", "LMHeadModel")
    decoders = {"is_decoder": True} if start in ("Bert", "Roberta", "RoFormer") else {}
    classes = {"ForSequenceClassification": {"num_labels": 3}}
    return {
        f"{start}{end}": {**classes.get(end, {}), **(decoders if end in causal else {}), **more}
        for end in ends
    }


CLASSES = ("Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification")
VECTORS = {"final_activation": None}
FAMILIES = {
    "bert": Family(
        bert,
        named("Bert", *CLASSES, "LMHeadModel", "ForNextSentencePrediction", "ForPreTraining"),
        ("BertForQuestionAnswering", "BertForMultipleChoice"),
        segments=True,
    ),
    "albert": Family(
        small_embeddings,
        named("Albert", *CLASSES, "ForPreTraining"),
        ("AlbertForQuestionAnswering", "AlbertForMultipleChoice"),
        segments=True,
    ),
    "electra": Family(
        small_embeddings,
        named("Electra", *CLASSES, "ForPreTraining"),
        ("ElectraForQuestionAnswering", "ElectraForMultipleChoice"),
        segments=True,
    ),
    "distilbert": Family(
        distilbert, named("DistilBert", *CLASSES), ("DistilBertForQuestionAnswering",)
    ),
    "deberta-v2": Family(
        deberta, named("DebertaV2", *CLASSES), ("DebertaV2ForQuestionAnswering",), segments=True
    ),
    "roberta": Family(
        roberta,
        named("Roberta", *CLASSES, "ForCausalLM"),
        ("RobertaForQuestionAnswering", "RobertaForMultipleChoice"),
        pad=1,
    ),
    "xlm-roberta": Family(
        roberta, named("XLMRoberta", *CLASSES), ("XLMRobertaForQuestionAnswering",), pad=1
    ),
    "roformer": Family(
        small_embeddings,
        named("RoFormer", "Model", "ForMaskedLM", "ForCausalLM"),
        ("RoFormerForSequenceClassification", "RoFormerForTokenClassification"),
        segments=True,
    ),
    "modernbert": Family(
        modernbert,
        named("ModernBert", "Model", "ForMaskedLM"),
        ("ModernBertForTokenClassification",),
        pad=1,
    ),
    "openai-gpt": Family(
        gpt,
        named("OpenAIGPT", "Model", "LMHeadModel"),
        ("OpenAIGPTDoubleHeadsModel", "OpenAIGPTForSequenceClassification"),
        VECTORS,
        pad=None,
    ),
    "gpt2": Family(
        gpt2,
        named("GPT2", "Model", "LMHeadModel"),
        ("GPT2DoubleHeadsModel", "GPT2ForTokenClassification"),
        VECTORS,
        pad=None,
    ),
    "llama": Family(
        llama,
        named("Llama", "Model", "ForCausalLM"),
        ("LlamaForSequenceClassification", "LlamaForTokenClassification"),
        VECTORS,
        pad=None,
    ),
    "qwen2": Family(
        qwen2,
        named("Qwen2", "Model", "ForCausalLM"),
        ("Qwen2ForSequenceClassification",),
        VECTORS,
        pad=None,
    ),
    "qwen3": Family(
        llama,
        named("Qwen3", "Model", "ForCausalLM"),
        ("Qwen3ForTokenClassification",),
        VECTORS,
        pad=None,
    ),
    "bart": Family(
        bart,
        named("Bart", "Model", "ForConditionalGeneration"),
        ("BartForSequenceClassification",),
        {"with_lm": False},
        pad=1,
        inputs=2,
    ),
    "t5": Family(
        t5,
        named("T5", "Model", "ForConditionalGeneration"),
        ("T5ForSequenceClassification",),
        {"with_lm": False},
        inputs=2,
    ),
    "mt5": Family(
        t5,
        named("MT5", "Model", "ForConditionalGeneration"),
        ("MT5ForSequenceClassification",),
        {"with_lm": False},
        inputs=2,
    ),
}


def random_model(draw, head, family, config=()):
    """Return a model with random weights, biases, normalizations and scores too.

    Args:
        draw: a random.Random.
        head: its class.
        family: the `Family`.
        config: entries of the configuration that are not drawn.
    """
    torch.manual_seed(draw.randrange(10**6))
    cls = getattr(transformers, head)
    options = {**family.config(draw), **family.heads.get(head, {}), **dict(config)}
    model = cls(cls.config_class(**options)).eval()
    separate = head.endswith(("T5ForConditionalGeneration", "ForCausalLM")) and draw.random() < 0.5
    if separate and not hasattr(model, "cls") and not hasattr(model.lm_head, "decoder"):
        model.lm_head.weight = torch.nn.Parameter(0.3 * torch.randn(model.lm_head.weight.shape))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter += 0.3 * torch.randn(parameter.shape)
    return model
