"""Tokenizers: vocabularies, BERT's WordPiece, the words of WoBERT. no backend needed."""

from .alignment import text_spans, token_spans
from .base import TokenizerBase
from .ends import best_span, half_pointer_labels, half_pointer_spans
from .links import (
    event_labels,
    linked_events,
    linked_triples,
    subject_labels,
    text_triples,
    token_triples,
    triple_labels,
)
from .sentence_piece import SpTokenizer
from .tagging import (
    allowed_transitions,
    encode_tags,
    pointer_labels,
    pointer_spans,
    spans_to_tags,
    tag_set,
    tags_to_spans,
)
from .training import train_sentencepiece
from .trimming import saved_parameters, trim_sentencepiece, trim_vocab
from .vocabulary import (
    character_vocab,
    extend_vocab_with_words,
    load_vocab,
    load_words,
    save_vocab,
    simplify_vocab,
    word_vocab,
)
from .wordpiece import Tokenizer
from .words import JiebaCut, jieba_cut, load_jieba

__all__ = [
    "JiebaCut",
    "SpTokenizer",
    "Tokenizer",
    "TokenizerBase",
    "allowed_transitions",
    "best_span",
    "character_vocab",
    "encode_tags",
    "event_labels",
    "extend_vocab_with_words",
    "half_pointer_labels",
    "half_pointer_spans",
    "jieba_cut",
    "linked_events",
    "linked_triples",
    "load_jieba",
    "load_vocab",
    "load_words",
    "pointer_labels",
    "pointer_spans",
    "save_vocab",
    "saved_parameters",
    "simplify_vocab",
    "spans_to_tags",
    "subject_labels",
    "tag_set",
    "tags_to_spans",
    "text_spans",
    "text_triples",
    "token_spans",
    "token_triples",
    "train_sentencepiece",
    "trim_sentencepiece",
    "trim_vocab",
    "triple_labels",
    "word_vocab",
]
