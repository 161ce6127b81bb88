"""GPT, GPT-2 and GPT2-ML: language models that read from left to right."""

from dataclasses import replace

from kerasx.layers import Add
from kerasx.models.families.bert_names import BERT_FOLDER, bert_variables, dense, norm
from kerasx.models.families.block_options import NormPosition, ResidualScores, TalkingHeads
from kerasx.models.families.input_embeddings import Embeddings, Segments, TrainedPositions
from kerasx.models.sources import HuggingFace, Original, rename
from kerasx.models.transformer import LM_Mask


class LanguageModel(LM_Mask, TalkingHeads, ResidualScores, Embeddings):
    """Causal blocks on embeddings that are not normalized, and scores of the next token.

    Args:
        final_activation: activation of the scores; "linear" gives logits, None leaves the scores
            out: the output is the last block's vectors.
    """

    def __init__(self, *args, final_activation="softmax", **kwargs):
        super().__init__(*args, **kwargs)
        self.final_activation = final_activation

    def apply_embeddings(self, inputs):
        """Embed the inputs without a normalization."""
        return self.map_embeddings(self.dropout(self.sum_embeddings(inputs), "Embedding-Dropout"))

    def apply_final_layers(self, inputs):
        """Compute the scores (b, n, vocab_size) of the next token, if `with_lm`."""
        x = super().apply_final_layers(inputs)
        if self.final_activation is None:
            return x
        return self.activate_scores(self.compute_logits(x), self.final_activation, "LM-Activation")

    def compute_logits(self, x):
        """Compute logits (b, n, vocab_size) from the last block's vectors."""
        return self.score_by_token_table(x)


class GPT(NormPosition, Segments, TrainedPositions, LanguageModel):
    """GPT (OpenAI 2018), also CDial-GPT: BERT's blocks with a causal mask.

    The default application is "lm"; "encoder", which bert4keras passes by default, builds the same
    model. CDial-GPT has `shared_segment_embeddings=True`. A Hugging Face folder has no segments
    and no padding unless arguments say so.

    Args:
        final_activation: see `LanguageModel`.

    >>> gpt = GPT(30, 8, 1, 2, 16, max_position=10)
    >>> gpt.build()
    >>> gpt.model.output.shape
    (None, None, 30)
    """

    applications = ("lm", "unilm", "encoder")

    def variable_mapping(self):
        rules = [("^bert/encoder/", "gpt/transformer/"), ("^bert/", "gpt/")]
        return rename(bert_variables(self.num_hidden_layers, self.talking_heads), rules)

    @classmethod
    def translate_config(cls, config):
        return _completed(config)

    def create_config(self, config):
        for key in ("activation_function", "n_inner", "type_vocab_size"):
            config.pop(key)
        config["afn"] = {"gelu_new": "gelu", "gelu": "gelu_erf"}.get(config["afn"], config["afn"])
        return config

    original = Original(token_rows=("gpt/embeddings/word_embeddings",))
    huggingface = HuggingFace(
        heads={
            "OpenAIGPTModel": {"final_activation": None},
            "OpenAIGPTLMHeadModel": {"final_activation": "linear"},
        },
        keys={
            **{k: v for k, v in BERT_FOLDER.keys.items() if k != "pad_token_id"},
            "n_embd": "hidden_size",
            "n_layer": "num_hidden_layers",
            "n_head": "num_attention_heads",
            "n_inner": "intermediate_size",
            "n_positions": "max_position",
            "afn": "hidden_act",
            "activation_function": "hidden_act",
            "resid_pdrop": "dropout_rate",
            "attn_pdrop": "attention_dropout_rate",
            "layer_norm_epsilon": "layer_norm_eps",
        },
        required={
            "add_cross_attention": False,
            "scale_attn_by_inverse_layer_idx": False,
            "scale_attn_weights": True,
        },
        required_of_scores={"tie_word_embeddings": True},
        defaults={"afn": "gelu", "layer_norm_epsilon": 1e-5, "n_positions": 512},
        ignored=tuple(
            "embd_pdrop n_ctx n_special predict_special_tokens reorder_and_upcast_attn".split()
        ),
        rules=(
            (r"gpt/embeddings/word_embeddings", "gpt/tokens_embed/weight"),
            (r"gpt/embeddings/position_embeddings", "gpt/positions_embed/weight"),
            (r"gpt/transformer/layer_(\d+)", r"gpt/h/\1"),
            (r"attention/self/query/(\w+)", r"attn/c_attn/\1[0 of 3]"),
            (r"attention/self/key/(\w+)", r"attn/c_attn/\1[1 of 3]"),
            (r"attention/self/value/(\w+)", r"attn/c_attn/\1[2 of 3]"),
            (r"attention/output/dense", "attn/c_proj"),
            (r"attention/\w+/LayerNorm", "ln_1"),
            (r"intermediate/dense", "mlp/c_fc"),
            (r"output/dense", "mlp/c_proj"),
            (r"(h/\d+)/\w+/LayerNorm", r"\1/ln_2"),
            (r"gpt/output/LayerNorm", "gpt/ln_f"),
            (r"(kernel|gamma)\b", "weight"),
            (r"beta$", "bias"),
            (r"^gpt/", "transformer/"),
            ("/", "."),
        ),
        prefix="transformer.",
        transposed=(),  # GPT-2's Conv1D stores (inputs, outputs)
        tied={"transformer.tokens_embed.weight": ("lm_head.weight",)},
        # causal masks that older models saved
        optional=("*h.*.attn.bias", "*h.*.attn.masked_bias"),
        model_type="openai-gpt",
    )


class GPT2(TrainedPositions, LanguageModel):
    """GPT-2 (OpenAI 2019), also CPM-LM: normalized inputs of the sublayers, no segments.

    >>> gpt2 = GPT2(30, 8, 1, 2, 16, max_position=10, final_activation="linear")
    >>> gpt2.build()
    >>> gpt2.model.output.shape
    (None, None, 30)
    """

    applications = ("lm", "encoder")
    norm_position = "pre"

    def __init__(self, *args, layer_norm_eps=1e-5, **kwargs):
        super().__init__(*args, layer_norm_eps=layer_norm_eps, **kwargs)

    def variable_mapping(self):
        rules = [
            ("^bert/encoder/", "gpt/transformer/"),
            ("^bert/", "gpt/"),
            ("output/LayerNorm", "input/LayerNorm"),
        ]
        mapping = rename(bert_variables(self.num_hidden_layers, self.talking_heads), rules)
        return mapping | {"Output-Norm": norm("gpt/output/LayerNorm")}

    @classmethod
    def translate_config(cls, config):
        return _completed(config)

    def create_config(self, config):
        config.pop("afn")
        return config

    original = GPT.original
    huggingface = replace(
        GPT.huggingface,
        heads={
            "GPT2Model": {"final_activation": None},
            "GPT2LMHeadModel": {"final_activation": "linear"},
        },
        keys={k: v for k, v in GPT.huggingface.keys.items() if k != "type_vocab_size"},
        defaults={"activation_function": "gelu_new", "n_positions": 1024},
        ignored=(*GPT.huggingface.ignored, "type_vocab_size"),
        rules=(
            (r"gpt/embeddings/word_embeddings", "gpt/wte/weight"),
            (r"gpt/embeddings/position_embeddings", "gpt/wpe/weight"),
            *GPT.huggingface.rules,
        ),
        tied={"transformer.wte.weight": ("lm_head.weight",)},
        model_type="gpt2",
    )


class GPT2_ML(GPT2):  # noqa: N801 - bert4keras's way of names
    """GPT2-ML (github.com/imcaspar/gpt2-ml): normalized embeddings, a norm before and a norm after
    the feed-forward network, no norm around the attention.

    >>> gpt2_ml = GPT2_ML(30, 8, 1, 2, 16, max_position=10)
    >>> gpt2_ml.build()
    >>> gpt2_ml.model.output.shape
    (None, None, 30)
    """

    norm_position = "post"

    def apply_embeddings(self, inputs):
        """Embed the inputs, and normalize."""
        return Embeddings.apply_embeddings(self, inputs)

    def apply_main_layers(self, inputs, index):
        """Apply attention, Add, Norm, feed-forward network, Add and Norm."""
        attention = f"Transformer-{index}-MultiHeadSelfAttention"
        feed_forward = f"Transformer-{index}-FeedForward"
        x = self._add(inputs, self.self_attention(inputs, attention, index), attention)
        y = self.normalize(x, f"{feed_forward}-Norm-0")
        x = self._add(x, self.feed_forward(y, feed_forward, index), feed_forward)
        return self.normalize(x, f"{feed_forward}-Norm-1")

    def _add(self, x, y, name):
        return self.apply([x, self.dropout(y, f"{name}-Dropout")], Add, name=f"{name}-Add")

    def variable_mapping(self):
        mapping = {
            "Embedding-Token": ["newslm/embeddings/word_embed"],
            "Embedding-Position": ["newslm/embeddings/pos_embed"],
            "Embedding-Norm": norm("newslm/embeddings/LayerNorm_embed_norm"),
        }
        projections = [f"{x}_layer" for x in ("query", "key", "value", "context_projection")]
        for i in range(self.num_hidden_layers):
            ours, theirs = f"Transformer-{i}-", f"newslm/layer{i:02d}"
            mapping |= {
                f"{ours}MultiHeadSelfAttention": dense(*(f"{theirs}/{x}" for x in projections)),
                f"{ours}FeedForward-Norm-0": norm(f"{theirs}/LayerNorm_mlp_ln0"),
                f"{ours}FeedForward": dense(f"{theirs}/intermediate", f"{theirs}/output"),
                f"{ours}FeedForward-Norm-1": norm(f"{theirs}/LayerNorm_mlp_ln1"),
            }
        return mapping

    original = Original(token_rows=("newslm/embeddings/word_embed",))
    huggingface = replace(GPT2.huggingface, heads={}, rules=())


def _completed(config):
    """Return the configuration with the values that a Hugging Face folder leaves out."""
    if "n_embd" in config:
        config["n_inner"] = config.get("n_inner") or 4 * config["n_embd"]
        config |= {"pad_id": None, "type_vocab_size": 0}
    if config.get("afn") == "gelu":
        config["afn"] = "gelu_new"  # the name is older than the exact form
    return config
