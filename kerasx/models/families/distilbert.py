"""DistilBERT: BERT with half of the blocks."""

from dataclasses import replace

from kerasx.models.families.bert_names import BERT_FOLDER
from kerasx.models.families.encoder import EncoderModel
from kerasx.models.families.input_embeddings import TrainedPositions
from kerasx.models.sources import Original, rename

# rules from the names of BERT's variables
_NAMES = (
    ("^bert/pooler/dense/", "pre_classifier/"),
    (r"^bert/encoder/layer_(\d+)/output/dense", r"distilbert/transformer/layer_\1/ffn/lin2"),
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


class DistilBERT(TrainedPositions, EncoderModel):
    """BERT with half of the blocks and no segments (arXiv 1910.01108).

    Args:
        segment_vocab_size: as in `BERT`, here 0 by default.

    >>> distilbert = DistilBERT(30, 8, 1, 2, 16)
    >>> distilbert.build()
    >>> [x.name for x in distilbert.inputs]
    ['Input-Token']
    """

    def __init__(self, *args, segment_vocab_size=0, **kwargs):
        super().__init__(*args, segment_vocab_size=segment_vocab_size, **kwargs)

    def variable_mapping(self):
        return rename(super().variable_mapping(), _NAMES)

    original = Original(
        token_rows=("distilbert/embeddings/word_embeddings", "vocab_projector/bias"),
        heads=("vocab_*", "pre_classifier/*", "classifier/*"),
    )
    huggingface = replace(
        BERT_FOLDER,
        heads={
            "DistilBertModel": {},
            "DistilBertForMaskedLM": {"with_mlm": "linear"},
            "DistilBertForSequenceClassification": {"with_pool": "relu", "with_classes": True},
            "DistilBertForTokenClassification": {"with_classes": True},
        },
        keys={
            "activation": "hidden_act",
            "attention_dropout": "attention_dropout_rate",
            "dim": "hidden_size",
            "dropout": "dropout_rate",
            "hidden_dim": "intermediate_size",
            "max_position_embeddings": "max_position",
            "n_heads": "num_attention_heads",
            "n_layers": "num_hidden_layers",
            "pad_token_id": "pad_id",
        },
        causal_key=False,
        absent=("layer_norm_eps",),
        # the file has the position table, whether or not it started as sinusoids
        ignored=("qa_dropout", "seq_classif_dropout", "sinusoidal_pos_embds", "tie_weights_"),
        prefix="distilbert.",
        tied={"distilbert.embeddings.word_embeddings.weight": ("vocab_projector.weight",)},
    )
