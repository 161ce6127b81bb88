"""Tokenizers, vocabularies, chat templates: the text of every family. No backend is needed."""

from kerasx.tokenizers.base import TokenizerBase
from kerasx.tokenizers.chat_template import ChatTemplate
from kerasx.tokenizers.huggingface import HuggingFaceTokenizer
from kerasx.tokenizers.loading import load_tokenizer
from kerasx.tokenizers.sentence_piece import SpTokenizer
from kerasx.tokenizers.streaming import TextStream
from kerasx.tokenizers.training import train_sentencepiece
from kerasx.tokenizers.trimming import trim_sentencepiece, trim_vocab
from kerasx.tokenizers.turns import encode_dialogue, encode_prompt
from kerasx.tokenizers.vocabulary import (
    character_vocab,
    extend_vocab_with_words,
    load_vocab,
    load_words,
    save_vocab,
    word_vocab,
)
from kerasx.tokenizers.wordpiece import Tokenizer
from kerasx.tokenizers.words import JiebaCut, jieba_cut

__all__ = [
    "JiebaCut",
    "SpTokenizer",
    "TextStream",
    "Tokenizer",
    "TokenizerBase",
    "character_vocab",
    "encode_dialogue",
    "encode_prompt",
    "extend_vocab_with_words",
    "jieba_cut",
    "load_tokenizer",
    "load_vocab",
    "load_words",
    "save_vocab",
    "train_sentencepiece",
    "trim_sentencepiece",
    "trim_vocab",
    "word_vocab",
]
