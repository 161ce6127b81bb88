"""ELECTRA: an encoder trained to find replaced tokens."""

from dataclasses import replace

from kerasx.models.families.bert_names import BERT_FOLDER, dense
from kerasx.models.families.encoder import EncoderModel
from kerasx.models.families.input_embeddings import TrainedPositions
from kerasx.models.sources import Original, rename


class ELECTRA(TrainedPositions, EncoderModel):
    """BERT as discriminator, trained to find the tokens that a smaller generator replaced.

    Args:
        with_discriminator: add for each token a score (b, n, 1) of being replaced; True means
            sigmoid, "linear" gives logits.
        with_mlm: as in `BERT`; the checkpoint must be a generator's.

    Source: arXiv 2003.10555.

    >>> electra = ELECTRA(30, 8, 1, 2, 16, embedding_size=4, with_discriminator=True)
    >>> electra.build()
    >>> electra.model.output.shape
    (None, None, 1)
    """

    applications = ("encoder",)

    def __init__(self, *args, with_discriminator=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.with_discriminator = with_discriminator

    mlm_act = "gelu"  # whatever hidden_act is

    def apply_final_layers(self, inputs):
        """Apply the discriminator's head, or the heads of BERT."""
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
        return rename(super().variable_mapping(), rules) | {
            "Discriminator-Dense": dense("discriminator_predictions/dense"),
            "Discriminator-Prediction": dense("discriminator_predictions/dense_1"),
        }

    original = Original(
        token_rows=("electra/embeddings/word_embeddings", "generator_predictions/output_bias"),
        # a file may have both models, the generator's blocks beside the discriminator's
        heads=("generator*", "discriminator_predictions*", "classifier/*"),
    )
    huggingface = replace(
        BERT_FOLDER,
        heads={
            "ElectraModel": {},
            "ElectraForPreTraining": {"with_discriminator": "linear"},
            "ElectraForMaskedLM": {"with_mlm": "linear"},
            "ElectraForSequenceClassification": {"with_pool": "gelu", "with_classes": True},
            "ElectraForTokenClassification": {"with_classes": True},
        },
        keys={**BERT_FOLDER.keys, "embedding_size": "embedding_size"},
        defaults={"embedding_size": 128},
        rules=(
            ("dense_1", "dense_prediction"),
            ("^generator_predictions/output_bias$", "generator_lm_head/bias"),
            *BERT_FOLDER.rules,
        ),
        prefix="electra.",
        tied={"electra.embeddings.word_embeddings.weight": ("generator_lm_head.weight",)},
    )
