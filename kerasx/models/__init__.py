"""Model families, and the builder they are made with."""

from kerasx.models.albert import ALBERT, ALBERT_Unshared
from kerasx.models.bert import BERT
from kerasx.models.build import (
    build_transformer_model,
    extend_with_language_model,
    extend_with_unified_language_model,
)
from kerasx.models.deberta import DeBERTa
from kerasx.models.deepen import deepen
from kerasx.models.distilbert import DistilBERT
from kerasx.models.electra import ELECTRA
from kerasx.models.gpt import GPT, GPT2, GPT2_ML
from kerasx.models.nezha import NEZHA
from kerasx.models.roberta import RoBERTa
from kerasx.models.scratch import bert_config
from kerasx.models.t5 import T5, T5_Decoder, T5_Encoder
from kerasx.models.modernbert import ModernBERT
from kerasx.models.transformer import LM_Mask, Transformer, UniLM_Mask
from kerasx.models.widen import widen

__all__ = [
    "ALBERT",
    "ALBERT_Unshared",
    "BERT",
    "DeBERTa",
    "DistilBERT",
    "ELECTRA",
    "GPT",
    "GPT2",
    "GPT2_ML",
    "LM_Mask",
    "ModernBERT",
    "NEZHA",
    "RoBERTa",
    "T5",
    "T5_Decoder",
    "T5_Encoder",
    "Transformer",
    "UniLM_Mask",
    "bert_config",
    "build_transformer_model",
    "deepen",
    "extend_with_language_model",
    "extend_with_unified_language_model",
    "widen",
]
