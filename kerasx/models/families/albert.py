"""ALBERT: one block for all layers."""

import re

from kerasx.models.families.bert import BERT
from kerasx.models.weights import Translated, rename

__all__ = ["ALBERT", "ALBERT_Unshared"]

# from BERT's variables to ALBERT's
_BLOCK = "bert/encoder/transformer/group_0/inner_group_0/"
_SHARED = (
    (r"^bert/encoder/layer_\d+/", _BLOCK),
    (f"^{_BLOCK}attention/output/LayerNorm", f"{_BLOCK}LayerNorm"),
    (f"^{_BLOCK}output/LayerNorm", f"{_BLOCK}LayerNorm_1"),
    (f"^{_BLOCK}attention/", f"{_BLOCK}attention_1/"),
    (f"^{_BLOCK}intermediate/", f"{_BLOCK}ffn_1/intermediate/"),
    (f"^{_BLOCK}output/", f"{_BLOCK}ffn_1/intermediate/output/"),
)


class ALBERT(BERT):
    """BERT that goes through one and the same block again and again (arXiv 1909.11942).

    Args:
        embedding_size, ...: as in `BERT`; the embeddings are smaller than the blocks.

    >>> albert = ALBERT(30, 8, 3, 2, 16, embedding_size=4)
    >>> albert.build()
    >>> len(albert.model.weights)
    23
    """

    family = "albert"
    config_names = {**BERT.config_names, "embedding_size": "embedding_size"}
    required_config = {**BERT.required_config, "num_hidden_groups": 1, "inner_group_num": 1}
    ignored_config = (
        "classifier_dropout_prob",
        "down_scale_factor",
        "gap_size",
        "layers_to_keep",
        "ln_type",
        "net_structure_type",
        "num_memory_blocks",
    )
    architectures = {
        "AlbertModel": {},
        "AlbertForMaskedLM": {"with_mlm": "linear"},
        "AlbertForPreTraining": {"with_nsp": "linear", "with_mlm": "linear"},
        "AlbertForSequenceClassification": {"with_pool": True, "with_classes": True},
        "AlbertForTokenClassification": {"with_classes": True},
    }

    def apply_main_layers(self, inputs, index):
        """The one block."""
        x = self.sublayer(inputs, self.self_attention, "Transformer-MultiHeadSelfAttention", index)
        return self.sublayer(x, self.feed_forward, "Transformer-FeedForward", index)

    def variable_mapping(self):
        mapping = rename(super().variable_mapping(), _SHARED)
        return {re.sub(r"-\d+-", "-", layer): variables for layer, variables in mapping.items()}

    huggingface_prefix = "albert."
    huggingface_rules = (
        ("/LayerNorm_1/", "/full_layer_layer_norm/"),
        (r"inner_group_0/LayerNorm/", "inner_group_0/attention/LayerNorm/"),
        *BERT.huggingface_rules,
        (r"^bert\.", "albert."),
        (r"transformer\.group_0\.inner_group_0", "albert_layer_groups.0.albert_layers.0"),
        (r"attention_1\.(self|output)\.", "attention."),
        (r"ffn_1\.intermediate\.output\.dense", "ffn_output"),
        (r"ffn_1\.intermediate\.dense", "ffn"),
        (r"pooler\.dense", "pooler"),
        (r"^cls\.predictions\.(transform\.)?", "predictions."),
        (r"^cls\.seq_relationship", "sop_classifier.classifier"),
    )
    optional_variables = (*BERT.optional_variables, "predictions.decoder.*")


class ALBERT_Unshared(BERT):
    """BERT whose blocks start as an ALBERT's one block, and then go their own ways.

    It reads an ALBERT's weights; what it writes is a BERT, and can be read again as either.

    >>> albert = ALBERT_Unshared(30, 8, 3, 2, 16, embedding_size=4)
    >>> albert.build()
    >>> len(albert.model.weights)
    55
    """

    family = "albert"
    required_config, ignored_config = ALBERT.required_config, ALBERT.ignored_config
    architectures = ALBERT.architectures
    huggingface_prefix = ALBERT.huggingface_prefix
    huggingface_rules = (*_SHARED, *ALBERT.huggingface_rules)
    optional_variables = ALBERT.optional_variables

    def translated(self, checkpoint):
        if not any(name.startswith(_BLOCK) for name in checkpoint):
            return super().translated(checkpoint)
        names = {n for variables in self.variable_mapping().values() for n in variables}
        names = {name: rename(name, _SHARED) for name in names}
        return Translated(checkpoint, names, transposed=())

    def huggingface_tensors(self, tensors):
        raise ValueError(
            "The blocks of an ALBERT_Unshared differ, so it cannot be written as an ALBERT. Write "
            "names='original', and load that with model='bert'."
        )
