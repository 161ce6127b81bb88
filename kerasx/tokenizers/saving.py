"""A tokenizer as files and a dict of JSON, and back."""

import os

from kerasx.tokenizers.sentence_piece import SpTokenizer
from kerasx.tokenizers.vocabulary import load_vocab, save_vocab
from kerasx.tokenizers.wordpiece import Tokenizer
from kerasx.tokenizers.words import JiebaCut, jieba_cut

__all__ = ["read_tokenizer", "tokenizer_config", "vocabulary_name", "write_vocabulary"]

_SHARED = ("token_start", "token_end", "token_translate")
_WORDPIECE = (*_SHARED, "do_lower_case", "word_maxlen", "encode_special_tokens")


def vocabulary_name(tokenizer):
    """What its vocabulary is called in a folder."""
    if type(tokenizer) not in (Tokenizer, SpTokenizer):
        raise ValueError(
            "`tokenizer` must be a Tokenizer or an SpTokenizer. "
            f"Received: {type(tokenizer).__name__}"
        )
    return "vocab.txt" if isinstance(tokenizer, Tokenizer) else "spiece.model"


def write_vocabulary(tokenizer, path):
    """Write the vocabulary of a `Tokenizer`, or the model of an `SpTokenizer`."""
    if isinstance(tokenizer, Tokenizer):
        save_vocab(path, tokenizer._token_dict)
    else:
        with open(path, "wb") as writer:
            writer.write(tokenizer.sp_model.serialized_model_proto())


def tokenizer_config(tokenizer):
    """All that the vocabulary does not say, as JSON has it."""
    names = _WORDPIECE if isinstance(tokenizer, Tokenizer) else _SHARED
    config = {name: getattr(tokenizer, f"_{name}") for name in names}
    return {**config, "pre_tokenize": _words_config(tokenizer._pre_tokenize)}


def read_tokenizer(path, config):
    """The tokenizer of a vocabulary file and what `tokenizer_config` said."""
    config = {**config, "pre_tokenize": _words(config["pre_tokenize"])}
    if os.path.basename(path) == "vocab.txt":
        return Tokenizer(load_vocab(path), **config)
    return SpTokenizer(path, **config)


def _words_config(function):
    if function is None:
        return None
    if function is jieba_cut:
        return {"user_words": []}
    if isinstance(function, JiebaCut) and function.tokenizer is None:
        return {"user_words": function.user_words}
    raise ValueError(
        "`tokenizer` must have no pre_tokenize but jieba_cut or JiebaCut(user_words): a function "
        f"cannot be written to a file. Received: pre_tokenize={function!r}"
    )


def _words(config):
    if config is None:
        return None
    return JiebaCut(config["user_words"]) if config["user_words"] else jieba_cut
