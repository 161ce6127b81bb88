"""ELECTRA: which tokens were replaced?"""

from kerasx.models.families.bert import BERT
from kerasx.models.weights import rename

__all__ = ["ELECTRA"]


class ELECTRA(BERT):
    """BERT as discriminator, trained to find the tokens that a small one, the generator, put in.

    Args:
        with_discriminator: add for each token a score (b, n, 1) of being replaced; True means
            sigmoid, "linear" gives logits.
        with_mlm: add the token output; the weights must be a generator's. As in `BERT`.

    Source: arXiv 2003.10555.

    >>> electra = ELECTRA(30, 8, 1, 2, 16, embedding_size=4, with_discriminator=True)
    >>> electra.build()
    >>> electra.model.output.shape
    (None, None, 1)
    """

    applications = ("encoder",)
    removed_arguments = ("with_nsp",)
    config_names = {**BERT.config_names, "embedding_size": "embedding_size"}
    ignored_config = ("summary_activation", "summary_last_dropout", "summary_type")
    ignored_config += ("summary_use_proj",)
    architectures = {
        "ElectraModel": {},
        "ElectraForPreTraining": {"with_discriminator": "linear"},
        "ElectraForMaskedLM": {"with_mlm": "linear"},
        "ElectraForSequenceClassification": {"with_pool": "gelu", "with_classes": True},
        "ElectraForTokenClassification": {"with_classes": True},
    }

    def __init__(self, *args, with_discriminator=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.with_discriminator = with_discriminator

    def apply_final_layers(self, inputs):
        """The discriminator's head, or what else is asked for."""
        if not self.with_discriminator:
            return super().apply_final_layers(inputs)
        activation = "sigmoid" if self.with_discriminator is True else self.with_discriminator
        x = self.dense(inputs, self.hidden_size, "Discriminator-Dense", self.hidden_act)
        x = self.dense(x, 1, "Discriminator-Prediction", activation)
        return [super().apply_final_layers(inputs), x] if self.with_mlm else x

    def variable_mapping(self):
        rules = (
            ("^bert/encoder/embedding_hidden_mapping_in", "electra/embeddings_project"),
            ("^classifier/", "classifier/out_proj/" if self.with_pool else "classifier/"),
            ("^bert/pooler/dense/", "classifier/dense/"),
            ("^bert/", "electra/"),
            ("^cls/predictions/(transform/)?", "generator_predictions/"),
        )
        head = "discriminator_predictions/dense"
        return rename(super().variable_mapping(), rules) | {
            "Discriminator-Dense": [f"{head}/kernel", f"{head}/bias"],
            "Discriminator-Prediction": [f"{head}_1/kernel", f"{head}_1/bias"],
        }

    token_variables = ("electra/embeddings/word_embeddings", "generator_predictions/output_bias")
    huggingface_prefix = "electra."
    huggingface_rules = (
        ("dense_1", "dense_prediction"),
        ("^generator_predictions/output_bias$", "generator_lm_head/bias"),
        *BERT.huggingface_rules,
    )
    # the generator's own blocks lie beside the discriminator's
    optional_variables = ("generator*", "discriminator_predictions*")
