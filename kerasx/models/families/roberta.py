"""RoBERTa: BERT without segments, its positions after the padding id."""

from keras import ops

from kerasx.models.families.bert import BERT
from kerasx.models.weights import rename

__all__ = ["RoBERTa"]


class RoBERTa(BERT):
    """BERT as trained by fairseq (arXiv 1907.11692), also XLM-RoBERTa (arXiv 1911.02116).

    Padding is 1, and the position table starts with rows for the ids up to it: of 514 rows 512
    are used. There is one segment, which is no input. The Chinese models called RoBERTa-wwm are
    BERTs: model="bert".

    Args:
        pad_id: the padding id.
        max_position: rows of the position table, pad_id + 1 more than it reaches.
        segment_vocab_size: number of segments; with more than one they are an input.

    >>> roberta = RoBERTa(30, 8, 1, 2, 16)
    >>> roberta.build()
    >>> [x.name for x in roberta.inputs]
    ['Input-Token']
    """

    removed_arguments = ("with_nsp",)
    config_names = {**BERT.config_names, "pad_token_id": "pad_id"}
    architectures = {
        f"{name}{head}": arguments
        for name in ("Roberta", "XLMRoberta")
        for head, arguments in {
            "Model": {},
            "ForMaskedLM": {"with_mlm": "linear"},
            "ForCausalLM": {"with_mlm": "linear", "application": "lm"},
            "ForSequenceClassification": {"with_pool": True, "with_classes": True},
            "ForTokenClassification": {"with_classes": True},
        }.items()
    }

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
            raise ValueError("`pad_id` must be a token id: positions follow it. Received: None")
        super().__init__(
            *args,
            max_position=max_position,
            segment_vocab_size=segment_vocab_size,
            layer_norm_eps=layer_norm_eps,
            pad_id=pad_id,
            **kwargs,
        )
        self.position_options = {"offset": pad_id + 1}

    def get_inputs(self):
        """As in BERT, without segment ids where there is one segment."""
        inputs = super().get_inputs()
        return inputs if self.segment_vocab_size != 1 else [inputs[0], *inputs[2:]]

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

    token_variables = ("roberta/embeddings/word_embeddings", "lm_head/bias")
    huggingface_prefix = "roberta."
    optional_variables = ("roberta/pooler/*", "lm_head/*", "lm_head.decoder.*")
