"""DistilBERT: half of a BERT."""

from kerasx.models.families.bert import BERT
from kerasx.models.weights import rename

__all__ = ["DistilBERT"]


class DistilBERT(BERT):
    """BERT with half of the blocks and no segments (arXiv 1910.01108).

    Args:
        segment_vocab_size: as in `BERT`, here 0 by default.

    >>> distilbert = DistilBERT(30, 8, 1, 2, 16)
    >>> distilbert.build()
    >>> [x.name for x in distilbert.inputs]
    ['Input-Token']
    """

    removed_arguments = ("with_nsp",)
    config_names = {
        "activation": "hidden_act",
        "attention_dropout": "attention_dropout_rate",
        "dim": "hidden_size",
        "dropout": "dropout_rate",
        "hidden_dim": "intermediate_size",
        "max_position_embeddings": "max_position",
        "n_heads": "num_attention_heads",
        "n_layers": "num_hidden_layers",
    }
    # the sinusoids with which a position table started lie in the checkpoint
    ignored_config = ("qa_dropout", "seq_classif_dropout", "sinusoidal_pos_embds", "tie_weights_")
    architectures = {
        "DistilBertModel": {},
        "DistilBertForMaskedLM": {"with_mlm": "linear"},
        "DistilBertForSequenceClassification": {"with_pool": "relu", "with_classes": True},
        "DistilBertForTokenClassification": {"with_classes": True},
    }

    def __init__(self, *args, segment_vocab_size=0, **kwargs):
        super().__init__(*args, segment_vocab_size=segment_vocab_size, **kwargs)

    def variable_mapping(self):
        rules = (
            ("^bert/pooler/dense/", "pre_classifier/"),
            (
                r"^bert/encoder/layer_(\d+)/output/dense",
                r"distilbert/transformer/layer_\1/ffn/lin2",
            ),
            (r"/layer_(\d+)/output/LayerNorm", r"/layer_\1/output_layer_norm"),
            ("^bert/encoder/", "distilbert/transformer/"),
            ("^bert/", "distilbert/"),
            ("/attention/output/LayerNorm/", "/sa_layer_norm/"),
            ("/attention/output/dense/", "/attention/out_lin/"),
            (r"/attention/self/(q|k|v)\w+/", r"/attention/\1_lin/"),
            ("/intermediate/dense/", "/ffn/lin1/"),
            ("^cls/predictions/transform/dense/", "vocab_transform/"),
            ("^cls/predictions/transform/LayerNorm/", "vocab_layer_norm/"),
            ("^cls/predictions/output_bias$", "vocab_projector/bias"),
        )
        return rename(super().variable_mapping(), rules)

    token_variables = ("distilbert/embeddings/word_embeddings", "vocab_projector/bias")
    huggingface_prefix = "distilbert."
    optional_variables = ("vocab_*",)
