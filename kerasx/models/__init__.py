"""Model families, and the builder they are made with."""

from kerasx.models.bert import BERT
from kerasx.models.build import (
    build_transformer_model,
    extend_with_language_model,
    extend_with_unified_language_model,
)
from kerasx.models.transformer import LM_Mask, Transformer, UniLM_Mask

__all__ = [
    "BERT",
    "LM_Mask",
    "Transformer",
    "UniLM_Mask",
    "build_transformer_model",
    "extend_with_language_model",
    "extend_with_unified_language_model",
]
