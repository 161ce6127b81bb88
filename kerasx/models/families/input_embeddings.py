"""Embeddings: a class for tokens, and classes that add segments and positions."""

import keras

from kerasx.layers import Add, Embedding, PositionEmbedding
from kerasx.models.families.blocks import Blocks


class Embeddings(Blocks):
    """Blocks on normalized embeddings of tokens; subclasses add segments and positions.

    Args:
        embedding_size: width of the embeddings; hidden_size by default.
        max_position: the longest sequence; rows of the position table where there is one.
        custom_position_ids: take the position ids as an input.
    """

    segment_vocab_size = 0

    def __init__(
        self, *args, embedding_size=None, max_position=512, custom_position_ids=False, **kwargs
    ):
        super().__init__(*args, **kwargs)
        self.embedding_size = embedding_size or self.hidden_size
        self.max_position = max_position
        self.custom_position_ids = custom_position_ids

    @property
    def input_roles(self):
        """Roles of the inputs: token ids, and the model's segment and position ids."""
        given = {"segment": self.segment_vocab_size, "position": self.custom_position_ids}
        return ["token", *(role for role, is_given in given.items() if is_given)]

    def get_inputs(self):
        """Return an input (b, n) int32 for each role."""
        shape, names = (self.sequence_length,), [f"Input-{x.title()}" for x in self.input_roles]
        return [keras.Input(shape, dtype="int32", name=self.prefixed(name)) for name in names]

    def apply_embeddings(self, inputs):
        """Embed the inputs, normalize, and map to hidden_size."""
        x = self.normalize(self.sum_embeddings(inputs), "Embedding-Norm")
        return self.map_embeddings(self.dropout(x, "Embedding-Dropout"))

    def map_embeddings(self, x):
        """Map embeddings to hidden_size where their width differs."""
        if self.embedding_size == self.hidden_size:
            return x
        return self.dense(x, self.hidden_size, "Embedding-Mapping")

    def sum_embeddings(self, inputs):
        """Add the embeddings of tokens, segments and positions."""
        tokens, *rest = inputs
        x = self.embed_tokens(tokens)
        if self.segment_vocab_size:
            x = self.apply([x, self.embed_segments(rest[0])], Add, name="Embedding-Token-Segment")
        return self.embed_positions(x, rest[-1] if self.custom_position_ids else None)

    def embed_positions(self, x, positions=None):
        """Keep the position ids for attention; models with a position table add its rows here."""
        self.position_ids = positions
        return x


class Segments:
    """Mixin of `Embeddings` that adds segment embeddings.

    Args:
        segment_vocab_size: number of segments; 0 removes the segment input.
        shared_segment_embeddings: look the segments up in the token table.
    """

    def __init__(self, *args, segment_vocab_size=2, shared_segment_embeddings=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.segment_vocab_size = segment_vocab_size
        self.shared_segment_embeddings = shared_segment_embeddings

    def embed_segments(self, segments):
        """Look up segment ids (b, n)."""
        if self.shared_segment_embeddings:
            return self.apply(segments, Embedding, name="Embedding-Token")
        return self.apply(
            segments,
            Embedding,
            input_dim=self.segment_vocab_size,
            output_dim=self.embedding_size,
            embeddings_initializer=self.embeddings_initializer,
            name="Embedding-Segment",
        )


class TrainedPositions:
    """Mixin of `Embeddings` that adds the rows of a position table.

    Args:
        hierarchical_position: None or α, for positions beyond the table (kexue.fm/archives/7947).
    """

    position_options = {}

    def __init__(self, *args, hierarchical_position=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.hierarchical_position = hierarchical_position

    def embed_positions(self, x, positions=None):
        """Add the embeddings of the positions, or of the given position ids."""
        return self.apply(
            x if positions is None else [x, positions],
            PositionEmbedding,
            input_dim=self.max_position,
            output_dim=self.embedding_size,
            merge_mode="add",
            hierarchical=self.hierarchical_position,
            custom_position_ids=self.custom_position_ids,
            embeddings_initializer=self.embeddings_initializer,
            name="Embedding-Position",
            **self.position_options,
        )
