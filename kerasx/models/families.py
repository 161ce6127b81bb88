"""The model families by name."""

from kerasx.models.bert import BERT
from kerasx.models.nezha import NEZHA

__all__ = ["MODELS"]

# bert4keras's names, and Hugging Face's `model_type`
MODELS = {
    "bert": BERT,
    "roberta_wwm": BERT,
    "macbert": BERT,
    "wobert": BERT,
    "simbert": BERT,
    "labse": BERT,
    "nezha": NEZHA,
    "wonezha": NEZHA,
}
