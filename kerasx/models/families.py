"""The model families by name."""

from kerasx.models.bert import BERT
from kerasx.models.deberta import DeBERTa
from kerasx.models.gpt import GPT, GPT2, GPT2_ML
from kerasx.models.nezha import NEZHA
from kerasx.models.roformer import RoFormer, RoFormerV2

__all__ = ["MODELS"]

# bert4keras's names, and Hugging Face's `model_type`
MODELS = {
    "bert": BERT,
    "roberta_wwm": BERT,
    "macbert": BERT,
    "wobert": BERT,
    "simbert": BERT,
    "labse": BERT,
    "deberta-v2": DeBERTa,
    "gpt": GPT,
    "openai-gpt": GPT,
    "gpt2": GPT2,
    "gpt2_ml": GPT2_ML,
    "nezha": NEZHA,
    "wonezha": NEZHA,
    "roformer": RoFormer,
    "roformer_v2": RoFormerV2,
}
