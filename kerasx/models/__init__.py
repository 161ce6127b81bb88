"""Model families, and the builder they are made with."""

from kerasx.models.bert import BERT
from kerasx.models.build import (
    build_transformer_model,
    extend_with_language_model,
    extend_with_unified_language_model,
)
from kerasx.models.deberta import DeBERTa
from kerasx.models.deepen import deepen
from kerasx.models.gpt import GPT, GPT2, GPT2_ML
from kerasx.models.scratch import bert_config
from kerasx.models.transformer import LM_Mask, Transformer, UniLM_Mask
from kerasx.models.widen import widen

__all__ = [
    "BERT",
    "DeBERTa",
    "GPT",
    "GPT2",
    "GPT2_ML",
    "LM_Mask",
    "Transformer",
    "UniLM_Mask",
    "bert_config",
    "build_transformer_model",
    "deepen",
    "extend_with_language_model",
    "extend_with_unified_language_model",
    "widen",
]
