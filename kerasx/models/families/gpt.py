"""GPT, GPT-2 and GPT2-ML: language models that read from left to right."""

import keras

from kerasx.layers import Add, Embedding
from kerasx.models.families.bert import BERT
from kerasx.models.transformer import LM_Mask
from kerasx.models.weights import rename

__all__ = ["GPT", "GPT2", "GPT2_ML"]


class GPT(LM_Mask, BERT):
    """GPT (OpenAI 2018), also CDial-GPT: BERT's blocks, causal, without a norm of the embeddings.

    It is a language model by birth: "lm" is the default application, and "encoder", which is what
    bert4keras passes by default, builds the same.

    CDial-GPT looks the segments up in the token table: `shared_segment_embeddings=True`. A Hugging
    Face folder has no segments and no padding, unless arguments say so.

    Args:
        final_activation: of the scores, through the transposed token table; "linear" gives
            logits, None leaves them out: the last block's vectors.

    >>> gpt = GPT(30, 8, 1, 2, 16, max_position=10)
    >>> gpt.build()
    >>> gpt.model.output.shape
    (None, None, 30)
    """

    applications = ("lm", "unilm", "encoder")
    removed_arguments = ("with_pool", "with_nsp", "with_classes", "with_mlm")
    token_variables = ("gpt/embeddings/word_embeddings",)
    config_names = {
        **BERT.config_names,
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
    }
    required_config = {
        "add_cross_attention": False,
        "scale_attn_by_inverse_layer_idx": False,
        "scale_attn_weights": True,
        "tie_word_embeddings": True,
    }
    ignored_config = tuple(
        """embd_pdrop n_ctx n_special predict_special_tokens reorder_and_upcast_attn
        summary_activation summary_first_dropout summary_proj_to_labels summary_type
        summary_use_proj""".split()
    )
    architectures = {
        "OpenAIGPTModel": {"final_activation": None},
        "OpenAIGPTLMHeadModel": {"final_activation": "linear"},
    }

    @classmethod
    def translate_config(cls, config):
        if "n_embd" in config:
            config["n_inner"] = config.get("n_inner") or 4 * config["n_embd"]
            config |= {"pad_id": None, "type_vocab_size": 0}
        if config.get("afn") == "gelu":
            config["afn"] = "gelu_new"  # so called before there was a choice
        return config

    def create_config(self, config):
        for key in ("activation_function", "n_inner", "type_vocab_size"):
            config.pop(key)
        config["afn"] = {"gelu_new": "gelu", "gelu": "gelu_erf"}.get(config["afn"], config["afn"])
        return config

    def __init__(self, *args, final_activation="softmax", **kwargs):
        super().__init__(*args, **kwargs)
        self.final_activation = final_activation

    def apply_embeddings(self, inputs):
        """Token + segment + position embeddings."""
        x = self.dropout(self.sum_embeddings(inputs), "Embedding-Dropout")
        return self.dense(x, self.hidden_size, "Embedding-Mapping") if self._maps else x

    def apply_final_layers(self, inputs):
        """A score for each token at each place, if asked for."""
        x = self.normalize(inputs, "Output-Norm") if self.norm_position == "pre" else inputs
        if self.final_activation is None:
            return x
        return self.apply(
            self.score_tokens(x),
            keras.layers.Activation,
            activation=self.final_activation,
            dtype="float32",
            name="LM-Activation",
        )

    def score_tokens(self, x):
        """Vectors to logits."""
        return self.apply(x, Embedding, arguments={"mode": "dense"}, name="Embedding-Token")

    def variable_mapping(self):
        rules = [("^bert/encoder/", "gpt/transformer/"), ("^bert/", "gpt/")]
        return rename(super().variable_mapping(), rules)

    huggingface_type = "openai-gpt"
    huggingface_prefix = "transformer."
    huggingface_transposed = ()
    huggingface_rules = (
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
    )
    # the tied scores; causal masks that older PyTorch models saved
    optional_variables = ("lm_head.weight", "*h.*.attn.bias", "*h.*.attn.masked_bias")


class GPT2(GPT):
    """GPT-2 (OpenAI 2019), also CPM-LM: GPT whose norms come first, without segments.

    >>> gpt2 = GPT2(30, 8, 1, 2, 16, max_position=10, final_activation="linear")
    >>> gpt2.build()
    >>> gpt2.model.output.shape
    (None, None, 30)
    """

    applications = ("lm", "encoder")
    removed_arguments = (
        *GPT.removed_arguments,
        "norm_position",
        "segment_vocab_size",
        "shared_segment_embeddings",
    )
    ignored_config = (*GPT.ignored_config, "type_vocab_size")
    config_names = {k: v for k, v in GPT.config_names.items() if k != "type_vocab_size"}
    architectures = {
        "GPT2Model": {"final_activation": None},
        "GPT2LMHeadModel": {"final_activation": "linear"},
    }
    own_norm_position = "pre"
    huggingface_type = "gpt2"

    def create_config(self, config):
        config.pop("afn")
        return config

    def __init__(self, *args, layer_norm_eps=1e-5, **kwargs):
        options = {"segment_vocab_size": 0, "norm_position": self.own_norm_position}
        super().__init__(*args, layer_norm_eps=layer_norm_eps, **options, **kwargs)

    def variable_mapping(self):
        mapping = rename(super().variable_mapping(), [("output/LayerNorm", "input/LayerNorm")])
        return mapping | {"Output-Norm": [f"gpt/output/LayerNorm/{w}" for w in ("beta", "gamma")]}

    huggingface_rules = (
        (r"gpt/embeddings/word_embeddings", "gpt/wte/weight"),
        (r"gpt/embeddings/position_embeddings", "gpt/wpe/weight"),
        *GPT.huggingface_rules,
    )


class GPT2_ML(GPT2):
    """GPT2-ML (github.com/imcaspar/gpt2-ml): normalized embeddings, one norm before the
    feed-forward network and one after it, none around the attention.

    >>> gpt2_ml = GPT2_ML(30, 8, 1, 2, 16, max_position=10)
    >>> gpt2_ml.build()
    >>> gpt2_ml.model.output.shape
    (None, None, 30)
    """

    token_variables = ("newslm/embeddings/word_embed",)
    architectures = {}
    own_norm_position = "post"
    huggingface_rules = ()

    def apply_embeddings(self, inputs):
        """Token + position embeddings, normalized."""
        return BERT.apply_embeddings(self, inputs)

    def apply_main_layers(self, inputs, index):
        """Attention, Add, Norm, feed-forward, Add & Norm."""
        attention = f"Transformer-{index}-MultiHeadSelfAttention"
        feed_forward = f"Transformer-{index}-FeedForward"
        x = self._add(inputs, self.self_attention(inputs, attention, index), attention)
        y = self.normalize(x, f"{feed_forward}-Norm-0")
        x = self._add(x, self.feed_forward(y, feed_forward, index), feed_forward)
        return self.normalize(x, f"{feed_forward}-Norm-1")

    def _add(self, x, y, name):
        return self.apply([x, self.dropout(y, f"{name}-Dropout")], Add, name=f"{name}-Add")

    def variable_mapping(self):
        def dense(*names):
            return [f"newslm/{name}/{w}" for name in names for w in ("kernel", "bias")]

        def norm(name):
            return [f"newslm/{name}/{w}" for w in ("beta", "gamma")]

        mapping = {
            "Embedding-Token": ["newslm/embeddings/word_embed"],
            "Embedding-Position": ["newslm/embeddings/pos_embed"],
            "Embedding-Norm": norm("embeddings/LayerNorm_embed_norm"),
        }
        projections = [f"{x}_layer" for x in ("query", "key", "value", "context_projection")]
        for i in range(self.num_hidden_layers):
            ours, theirs = f"Transformer-{i}-", f"layer{i:02d}/"
            mapping |= {
                f"{ours}MultiHeadSelfAttention": dense(*(theirs + p for p in projections)),
                f"{ours}FeedForward-Norm-0": norm(f"{theirs}LayerNorm_mlp_ln0"),
                f"{ours}FeedForward": dense(f"{theirs}intermediate", f"{theirs}output"),
                f"{ours}FeedForward-Norm-1": norm(f"{theirs}LayerNorm_mlp_ln1"),
            }
        return mapping
