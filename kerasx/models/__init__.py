"""Model families, the function that builds them, and functions to change, run and save a model."""

from kerasx.models.arranging import arrange_for
from kerasx.models.build import (
    build_transformer_model,
    extend_with_language_model,
    extend_with_unified_language_model,
)
from kerasx.models.deepnorm import deepnorm_constants
from kerasx.models.families.albert import ALBERT, ALBERT_Unshared
from kerasx.models.families.bart import BART, BART_Decoder, BART_Encoder
from kerasx.models.families.bert import BERT
from kerasx.models.families.deberta import DeBERTa
from kerasx.models.families.distilbert import DistilBERT
from kerasx.models.families.electra import ELECTRA
from kerasx.models.families.gau import GAU_alpha
from kerasx.models.families.gpt import GPT, GPT2, GPT2_ML
from kerasx.models.families.llama import Llama
from kerasx.models.families.modernbert import ModernBERT
from kerasx.models.families.nezha import NEZHA
from kerasx.models.families.qwen import Qwen2, Qwen3
from kerasx.models.families.roberta import RoBERTa
from kerasx.models.families.roformer import RoFormer, RoFormerV2
from kerasx.models.families.t5 import T5, T5_Decoder, T5_Encoder
from kerasx.models.keras_weights import load_keras_weights
from kerasx.models.predictor import Predictor
from kerasx.models.pretrained import save_pretrained
from kerasx.models.pretraining import electra_generator, electra_pretraining, score_places
from kerasx.models.saving import Artefact, load_model, save_model
from kerasx.models.scratch import StartingPoint, bert_config, starting_point, t5_config
from kerasx.models.surgery.deepen import deepen
from kerasx.models.surgery.lora import enable_lora, merge_lora
from kerasx.models.surgery.theseus import theseus
from kerasx.models.surgery.widen import widen
from kerasx.models.transformer import LM_Mask, Transformer, UniLM_Mask

__all__ = [
    "ALBERT",
    "ALBERT_Unshared",
    "Artefact",
    "BART",
    "BART_Decoder",
    "BART_Encoder",
    "BERT",
    "DeBERTa",
    "DistilBERT",
    "ELECTRA",
    "GAU_alpha",
    "GPT",
    "GPT2",
    "GPT2_ML",
    "LM_Mask",
    "Llama",
    "ModernBERT",
    "NEZHA",
    "Predictor",
    "Qwen2",
    "Qwen3",
    "RoBERTa",
    "RoFormer",
    "RoFormerV2",
    "StartingPoint",
    "T5",
    "T5_Decoder",
    "T5_Encoder",
    "Transformer",
    "UniLM_Mask",
    "arrange_for",
    "bert_config",
    "build_transformer_model",
    "deepen",
    "deepnorm_constants",
    "electra_generator",
    "electra_pretraining",
    "enable_lora",
    "extend_with_language_model",
    "extend_with_unified_language_model",
    "load_keras_weights",
    "load_model",
    "merge_lora",
    "save_model",
    "save_pretrained",
    "score_places",
    "starting_point",
    "t5_config",
    "theseus",
    "widen",
]
