"""Encoders: heads for sequences and tokens, and the model that BERT's relatives share."""

from kerasx.checks import invalid
from kerasx.layers import BiasAdd, FirstToken
from kerasx.models.families.bert_names import BERT_CHECKPOINT, BERT_FOLDER, bert_variables
from kerasx.models.families.block_options import BlockOptions
from kerasx.models.families.input_embeddings import Embeddings, Segments


class Heads:
    """Mixin of `Embeddings` that adds the outputs asked for.

    The outputs come in the order pooled, classes, tokens; without any of them the output is the
    last block's vectors (b, n, hidden_size).

    Args:
        with_pool: add the pooled output (b, hidden_size); True means tanh, a string names the
            activation.
        with_classes: number of classes: add their logits, of the sequence (b, classes) in place of
            the pooled output if there is one, else of each token (b, n, classes).
        with_mlm: add scores of each token (b, n, vocab_size); True means softmax, "linear" gives
            logits.
    """

    scored_vectors = token_scores = None  # (b, n, hidden_size), (b, n, vocab_size) once built

    def __init__(self, *args, with_pool=False, with_classes=None, with_mlm=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.with_pool = with_pool
        self.with_classes = with_classes
        self.with_mlm = with_mlm

    def apply_final_layers(self, inputs):
        """Apply the heads asked for."""
        x = super().apply_final_layers(inputs)
        outputs = [self.pool(x)] if self.with_pool else []
        if self.with_classes:
            features = self.dropout(outputs.pop() if outputs else x, "Classifier-Dropout")
            outputs.append(self.dense(features, self.with_classes, "Classifier"))
        if self.with_mlm:
            self.scored_vectors, self.token_scores = x, self.score_tokens(x)
            outputs.append(self.token_scores)
        return outputs or x

    def pool(self, x):
        """Apply a dense layer to the first token's vector."""
        x = self.apply(x, FirstToken, name="Pooler")
        return self.dense(x, self.hidden_size, "Pooler-Dense", self.pool_act)

    @property
    def pool_act(self):
        """Activation of the pooled output."""
        return "tanh" if self.with_pool is True else self.with_pool

    @property
    def mlm_act(self):
        """Activation of the hidden layer before the token scores."""
        return self.hidden_act

    def score_tokens(self, x):
        """Score each token of the vocabulary at each position, (b, n, vocab_size)."""
        x = self.dense(x, self.embedding_size, "MLM-Dense", self.mlm_act)
        x = self.score_by_token_table(self.normalize(x, "MLM-Norm"))
        x = self.apply(x, BiasAdd, name="MLM-Bias")
        return self.activate_scores(x, self.with_mlm, "MLM-Activation")


class NextSentence(Heads):
    """`Heads` with next-sentence prediction.

    Args:
        with_nsp: add next-sentence scores (b, 2) in place of the pooled output; True means
            softmax, "linear" gives logits.
    """

    def __init__(self, *args, with_nsp=False, **kwargs):
        super().__init__(*args, **kwargs)
        if with_nsp and self.with_classes:
            raise invalid(
                "`with_nsp` or `with_classes` must be False: both take the pooled output.",
                with_nsp=with_nsp,
                with_classes=self.with_classes,
            )
        self.with_nsp = with_nsp
        self.with_pool = self.with_pool or bool(with_nsp)

    def pool(self, x):
        x = super().pool(x)
        activation = "softmax" if self.with_nsp is True else self.with_nsp
        return self.dense(x, 2, "NSP-Proba", activation) if self.with_nsp else x


class EncoderModel(Heads, BlockOptions, Segments, Embeddings):
    """An encoder with all options of the blocks, and variables named as BERT's.

    A family adds its positions, such as `TrainedPositions`, and renames the variables.
    """

    original = BERT_CHECKPOINT
    huggingface = BERT_FOLDER

    def variable_mapping(self):
        return bert_variables(self.num_hidden_layers, self.talking_heads)
