"""RoBERTa: BERT without segments, whose positions start after the padding id."""

from dataclasses import replace

from keras import ops

from kerasx.checks import invalid
from kerasx.models.families.bert_names import BERT_FOLDER, tied
from kerasx.models.families.encoder import EncoderModel
from kerasx.models.families.input_embeddings import TrainedPositions
from kerasx.models.sources import Original, rename

_HEADS = {
    "Model": {},
    "ForMaskedLM": {"with_mlm": "linear"},
    "ForCausalLM": {"with_mlm": "linear", "application": "lm"},
    "ForSequenceClassification": {"with_pool": True, "with_classes": True},
    "ForTokenClassification": {"with_classes": True},
}


class RoBERTa(TrainedPositions, EncoderModel):
    """BERT as trained by fairseq (arXiv 1907.11692), also XLM-RoBERTa (arXiv 1911.02116)
    and CamemBERT (arXiv 1911.03894).

    The padding id is 1, and the position table starts with rows for the ids up to it: 512 of 514
    rows are used. Positions count the tokens, wherever there is padding. There is one segment,
    which is no input. The Chinese models called RoBERTa-wwm are BERTs: model="bert".

    Args:
        pad_id: the padding id.
        max_position: rows of the position table, pad_id + 1 more than it reaches.
        segment_vocab_size: number of segments; with more than one they are an input.

    >>> roberta = RoBERTa(30, 8, 1, 2, 16)
    >>> roberta.build()
    >>> [x.name for x in roberta.inputs]
    ['Input-Token']
    """

    def __init__(
        self,
        *args,
        max_position=514,
        segment_vocab_size=1,
        layer_norm_eps=1e-5,
        pad_id=1,
        **kwargs,
    ):
        if pad_id is None:
            raise invalid("`pad_id` must be a token id: positions follow it.", pad_id=pad_id)
        super().__init__(
            *args,
            max_position=max_position,
            segment_vocab_size=segment_vocab_size,
            layer_norm_eps=layer_norm_eps,
            pad_id=pad_id,
            **kwargs,
        )
        self.position_options = {"offset": pad_id + 1, "skip_masked": True}

    mlm_act = "gelu"  # whatever hidden_act is

    @property
    def input_roles(self):
        """Roles of the inputs, without segment ids where there is one segment."""
        roles = super().input_roles
        return roles if self.segment_vocab_size != 1 else [x for x in roles if x != "segment"]

    def sum_embeddings(self, inputs):
        if self.segment_vocab_size == 1:
            inputs = [inputs[0], ops.zeros_like(inputs[0]), *inputs[1:]]
        return super().sum_embeddings(inputs)

    def variable_mapping(self):
        rules = (
            ("^bert/", "roberta/"),
            ("^cls/predictions/output_bias$", "lm_head/bias"),
            ("^cls/predictions/transform/LayerNorm/", "lm_head/layer_norm/"),
            ("^cls/predictions/transform/", "lm_head/"),
        )
        if self.with_pool and self.with_classes:
            head = (("^classifier/", "classifier/out_proj/"), ("^bert/pooler/", "classifier/"))
            rules = (*head, *rules)
        return rename(super().variable_mapping(), rules)

    original = Original(
        token_rows=("roberta/embeddings/word_embeddings", "lm_head/bias"),
        heads=("roberta/pooler/*", "lm_head/*", "classifier/*"),
    )
    huggingface = replace(
        BERT_FOLDER,
        heads={
            f"{name}{head}": _HEADS[head]
            for name in ("Roberta", "XLMRoberta", "Camembert")
            for head in _HEADS
        },
        defaults={"layer_norm_eps": 1e-12, "max_position_embeddings": 512, "type_vocab_size": 2},
        prefix="roberta.",
        tied=tied("roberta.", "lm_head."),
    )
