"""The model families, one file each, and a table of them by name."""

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
from kerasx.models.families.t5 import T5_MODELS

__all__ = ["MODELS"]

# bert4keras's names, and Hugging Face's `model_type`
MODELS = {
    "bert": BERT,
    "roberta_wwm": BERT,
    "macbert": BERT,
    "wobert": BERT,
    "simbert": BERT,
    "labse": BERT,
    "albert": ALBERT,
    "albert_unshared": ALBERT_Unshared,
    "deberta-v2": DeBERTa,
    "distilbert": DistilBERT,
    "electra": ELECTRA,
    "gpt": GPT,
    "openai-gpt": GPT,
    "gpt2": GPT2,
    "gpt2_ml": GPT2_ML,
    "llama": Llama,
    "modernbert": ModernBERT,
    "nezha": NEZHA,
    "wonezha": NEZHA,
    "qwen2": Qwen2,
    "qwen3": Qwen3,
    "roberta": RoBERTa,
    "xlm-roberta": RoBERTa,
    "camembert": RoBERTa,
    "roformer": RoFormer,
    "roformer_v2": RoFormerV2,
    "gau_alpha": GAU_alpha,
    "bart": BART,
    "bart_encoder": BART_Encoder,
    "bart_decoder": BART_Decoder,
    **T5_MODELS,
}
