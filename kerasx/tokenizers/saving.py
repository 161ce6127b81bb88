"""Write a tokenizer to a vocabulary file and a JSON configuration, and read it back."""

import os

from kerasx.checks import invalid
from kerasx.tokenizers.sentence_piece import SpTokenizer
from kerasx.tokenizers.vocabulary import load_vocab, save_vocab
from kerasx.tokenizers.wordpiece import Tokenizer
from kerasx.tokenizers.words import JiebaCut, jieba_cut

_SHARED = ("token_start", "token_end", "token_translate")
_WORDPIECE = (*_SHARED, "do_lower_case", "word_maxlen", "encode_special_tokens")


def vocabulary_name(tokenizer):
    """Return the file name of a tokenizer's vocabulary in a model's folder."""
    if type(tokenizer) not in (Tokenizer, SpTokenizer):
        raise invalid("`tokenizer` must be a Tokenizer or an SpTokenizer.", tokenizer=tokenizer)
    return "vocab.txt" if isinstance(tokenizer, Tokenizer) else "spiece.model"


def write_vocabulary(tokenizer, path):
    """Write the vocabulary of a `Tokenizer`, or the model of an `SpTokenizer`."""
    if isinstance(tokenizer, Tokenizer):
        save_vocab(path, tokenizer.token_dict)
    else:
        with open(path, "wb") as writer:
            writer.write(tokenizer.sp_model.serialized_model_proto())


def tokenizer_config(tokenizer):
    """Return a tokenizer's arguments, without its vocabulary, as a dict for JSON."""
    names = _WORDPIECE if isinstance(tokenizer, Tokenizer) else _SHARED
    config = {name: getattr(tokenizer, f"_{name}") for name in names}
    return {**config, "pre_tokenize": _words_config(tokenizer._pre_tokenize)}


def read_tokenizer(path, config):
    """Read a tokenizer from a vocabulary file and the dict of `tokenizer_config`."""
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
    raise invalid(
        "`tokenizer` must have no pre_tokenize but jieba_cut or JiebaCut(user_words): a function "
        "cannot be written to a file.",
        pre_tokenize=function,
    )


def _words(config):
    if config is None:
        return None
    return JiebaCut(config["user_words"]) if config["user_words"] else jieba_cut
