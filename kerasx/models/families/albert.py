"""ALBERT: BERT with one block for all layers."""

import re
from dataclasses import replace

import numpy as np

from kerasx.models.families.bert import BERT
from kerasx.models.families.bert_names import BERT_FOLDER, dense, tied
from kerasx.models.placement import ending
from kerasx.models.sources import HuggingFace, rename

# rules from the names of BERT's variables to those of ALBERT's
_BLOCK = "bert/encoder/transformer/group_0/inner_group_0/"
_SHARED = (
    (r"^bert/encoder/layer_\d+/", _BLOCK),
    (f"^{_BLOCK}attention/output/LayerNorm", f"{_BLOCK}LayerNorm"),
    (f"^{_BLOCK}output/LayerNorm", f"{_BLOCK}LayerNorm_1"),
    (f"^{_BLOCK}attention/", f"{_BLOCK}attention_1/"),
    (f"^{_BLOCK}intermediate/", f"{_BLOCK}ffn_1/intermediate/"),
    (f"^{_BLOCK}output/", f"{_BLOCK}ffn_1/intermediate/output/"),
)


class MappedEmbeddings(BERT):
    """BERT whose embeddings may be mapped to hidden_size though they have it.

    Args:
        embedding_mapping: whether embeddings are mapped: where their width differs by default, and
            always in Hugging Face's models.
    """

    def __init__(self, *args, embedding_mapping=None, **kwargs):
        super().__init__(*args, **kwargs)
        differs = self.embedding_size != self.hidden_size
        self.embedding_mapping = differs or bool(embedding_mapping)

    def huggingface_tensors(self, tensors):
        """Return the tensors with an identity as mapping, where the model has none."""
        if not self.embedding_mapping:
            kernel, bias = dense("bert/encoder/embedding_hidden_mapping_in")
            identity = np.eye(self.hidden_size, dtype="float32")
            tensors = {**tensors, kernel: identity, bias: identity[0] * 0}
        return super().huggingface_tensors(tensors)

    def map_embeddings(self, x):
        if not self.embedding_mapping:
            return x
        return self.dense(x, self.hidden_size, "Embedding-Mapping")

    @classmethod
    def arguments_in(cls, checkpoint):
        table = ending(checkpoint, "word_embeddings", "word_embeddings.weight")
        place = "encoder{0}embedding_hidden_mapping_in{0}"
        mapping = ending(checkpoint, f"{place}kernel".format("/"), f"{place}weight".format("."))
        return {"embedding_mapping": bool(mapping)} if table else {}

    @classmethod
    def translate_config(cls, config):
        return {"embedding_mapping": True, **config} if "model_type" in config else config


class ALBERT(MappedEmbeddings):
    """BERT that applies the same block again and again (arXiv 1909.11942).

    Args:
        embedding_size, ...: as in `BERT`; the embeddings are smaller than the blocks.
        embedding_mapping: see `MappedEmbeddings`.

    >>> albert = ALBERT(30, 8, 3, 2, 16, embedding_size=4)
    >>> albert.build()
    >>> len(albert.model.weights)
    23
    """

    family = "albert"

    def apply_main_layers(self, inputs, index):
        """Apply the block, whose layers have no index in their names."""
        x = self.sublayer(inputs, self.self_attention, "Transformer-MultiHeadSelfAttention", index)
        return self.sublayer(x, self.feed_forward, "Transformer-FeedForward", index)

    def variable_mapping(self):
        mapping = rename(super().variable_mapping(), _SHARED)
        return {re.sub(r"-\d+-", "-", layer): variables for layer, variables in mapping.items()}

    huggingface = HuggingFace(
        heads={
            "AlbertModel": {},
            "AlbertForMaskedLM": {"with_mlm": "linear"},
            "AlbertForPreTraining": {"with_nsp": "linear", "with_mlm": "linear"},
            "AlbertForSequenceClassification": {"with_pool": True, "with_classes": True},
            "AlbertForTokenClassification": {"with_classes": True},
        },
        keys={**BERT_FOLDER.keys, "embedding_size": "embedding_size"},
        required={**BERT_FOLDER.required, "num_hidden_groups": 1, "inner_group_num": 1},
        required_of_scores=BERT_FOLDER.required_of_scores,
        defaults={"embedding_size": 128, "hidden_act": "gelu_new"},
        ignored=(
            "classifier_dropout_prob",
            "down_scale_factor",
            "gap_size",
            "layers_to_keep",
            "ln_type",
            "net_structure_type",
            "num_memory_blocks",
        ),
        rules=(
            ("/LayerNorm_1/", "/full_layer_layer_norm/"),
            (r"inner_group_0/LayerNorm/", "inner_group_0/attention/LayerNorm/"),
            *BERT_FOLDER.rules,
            (r"^bert\.", "albert."),
            (r"transformer\.group_0\.inner_group_0", "albert_layer_groups.0.albert_layers.0"),
            (r"attention_1\.(self|output)\.", "attention."),
            (r"ffn_1\.intermediate\.output\.dense", "ffn_output"),
            (r"ffn_1\.intermediate\.dense", "ffn"),
            (r"pooler\.dense", "pooler"),
            (r"^cls\.predictions\.(transform\.)?", "predictions."),
            (r"^cls\.seq_relationship", "sop_classifier.classifier"),
        ),
        prefix="albert.",
        tied=tied("albert.", "predictions."),
    )


class ALBERT_Unshared(MappedEmbeddings):
    """BERT whose blocks all start as an ALBERT's block and are then trained apart.

    It reads an ALBERT's weights and writes those of a BERT, which either class reads again.

    >>> albert = ALBERT_Unshared(30, 8, 3, 2, 16, embedding_size=4)
    >>> albert.build()
    >>> len(albert.model.weights)
    55
    """

    family = "albert"
    huggingface = replace(ALBERT.huggingface, rules=(*_SHARED, *ALBERT.huggingface.rules))

    def translated(self, checkpoint, ignore=()):
        if not any(_BLOCK in name for name in checkpoint):
            return super().translated(checkpoint, ignore)
        names = {name: rename(name, _SHARED) for name in self.variables()}
        return self.original.translate(checkpoint, names, ignore)

    def huggingface_tensors(self, tensors):
        raise ValueError(
            "The blocks of an ALBERT_Unshared differ, so it cannot be written as an ALBERT. Write "
            "names='original', and load that with model='bert'."
        )
