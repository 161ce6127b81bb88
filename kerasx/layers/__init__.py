"""Layers of Transformers and of sequence labelling: ordinary Keras 3 layers."""

import kerasx.layers.at_places  # noqa: F401 - saved models have the layers of these files
import kerasx.layers.inputs  # noqa: F401
import kerasx.layers.replaced_tokens  # noqa: F401
from kerasx.layers.attention import MultiHeadAttention
from kerasx.layers.attention_mask import AttentionMask
from kerasx.layers.biaffine import Biaffine
from kerasx.layers.cached_attention import CachedAttention, ProjectedKeys
from kerasx.layers.convolution import MaskedConv1D
from kerasx.layers.crf import ConditionalRandomField
from kerasx.layers.disentangled_attention import DisentangledAttention, VectorTable
from kerasx.layers.dropout import Dropout
from kerasx.layers.embeddings import Embedding, PositionEmbedding
from kerasx.layers.extension import LinearExtension
from kerasx.layers.feed_forward import FeedForward
from kerasx.layers.gated_attention import GatedAttentionUnit
from kerasx.layers.loss import CrossEntropy, Loss
from kerasx.layers.memm import MaximumEntropyMarkovModel
from kerasx.layers.merging import (
    Add,
    BatchConcat,
    BatchSplit,
    BiasAdd,
    BinaryRandomChoice,
    Concatenate1D,
)
from kerasx.layers.normalization import LayerNormalization, ScaleOffset
from kerasx.layers.pointers import EfficientGlobalPointer, GlobalPointer
from kerasx.layers.pooling import FirstToken, GlobalAveragePooling1D, GlobalMaxPooling1D
from kerasx.layers.relative_positions import (
    RelativePositionEmbedding,
    RelativePositionEmbeddingT5,
    SinusoidalPositionEmbedding,
)
from kerasx.layers.talking_heads import TalkingHeadsAttention

__all__ = [
    "Add",
    "AttentionMask",
    "BatchConcat",
    "BatchSplit",
    "Biaffine",
    "BiasAdd",
    "BinaryRandomChoice",
    "CachedAttention",
    "Concatenate1D",
    "ConditionalRandomField",
    "CrossEntropy",
    "DisentangledAttention",
    "Dropout",
    "EfficientGlobalPointer",
    "Embedding",
    "FeedForward",
    "FirstToken",
    "GatedAttentionUnit",
    "GlobalAveragePooling1D",
    "GlobalMaxPooling1D",
    "GlobalPointer",
    "LayerNormalization",
    "LinearExtension",
    "Loss",
    "MaskedConv1D",
    "MaximumEntropyMarkovModel",
    "MultiHeadAttention",
    "PositionEmbedding",
    "ProjectedKeys",
    "RelativePositionEmbedding",
    "RelativePositionEmbeddingT5",
    "ScaleOffset",
    "SinusoidalPositionEmbedding",
    "TalkingHeadsAttention",
    "VectorTable",
]
