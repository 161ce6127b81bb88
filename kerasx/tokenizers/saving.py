"""Write a tokenizer to a vocabulary file and a JSON configuration, and read it back."""

import os

from kerasx.checks import check_texts, invalid
from kerasx.tokenizers.chat_template import ChatTemplate
from kerasx.tokenizers.huggingface import HuggingFaceTokenizer
from kerasx.tokenizers.options import check_options
from kerasx.tokenizers.sentence_piece import SpTokenizer
from kerasx.tokenizers.vocabulary import save_vocab
from kerasx.tokenizers.wordpiece import Tokenizer
from kerasx.tokenizers.words import JiebaCut, jieba_cut

_FILES = {
    Tokenizer: "vocab.txt",
    SpTokenizer: "spiece.model",
    HuggingFaceTokenizer: "tokenizer.json",
}
_ARGUMENTS = {
    Tokenizer: """token_start token_end token_translate do_lower_case word_maxlen
    encode_special_tokens additional_special_tokens pre_tokenize""".split(),
    SpTokenizer: """token_start token_end token_translate pre_tokenize do_lower_case
    keep_accents""".split(),
    HuggingFaceTokenizer: "special_tokens encode_special_tokens options".split(),
}


def vocabulary_name(tokenizer):
    """Return the file name of a tokenizer's vocabulary in a model's folder."""
    names = [name for kind, name in _FILES.items() if type(tokenizer) is kind]
    if not names:
        kinds = ", ".join(kind.__name__ for kind in _FILES)
        raise invalid(f"`tokenizer` must be one of {kinds}.", tokenizer=tokenizer)
    return names[0]


def write_vocabulary(tokenizer, path):
    """Write the vocabulary of a tokenizer to its file."""
    if isinstance(tokenizer, Tokenizer):
        save_vocab(path, tokenizer.token_dict)
        return
    if isinstance(tokenizer, SpTokenizer):
        data = tokenizer.sp_model.serialized_model_proto()
    else:
        data = tokenizer.backend.to_str(pretty=True).encode("utf-8")
    with open(path, "wb") as writer:
        writer.write(data)


def check_no_other_vocabulary(tokenizer, folder):
    """Raise if a folder holds a tokenizer.json that transformers would read instead."""
    other = os.path.join(folder, "tokenizer.json")
    if os.path.lexists(other) and vocabulary_name(tokenizer) != "tokenizer.json":
        raise invalid(
            "`folder` must hold no tokenizer.json of another tokenizer, which transformers would "
            "read: remove it, or choose another folder.",
            folder=os.fspath(folder),
        )


def tokenizer_config(tokenizer):
    """Return a tokenizer's arguments, without its vocabulary, as a dict for JSON."""
    vocabulary_name(tokenizer)  # raises for other objects
    _check_special_ids(tokenizer)
    config = {name: getattr(tokenizer, f"_{name}") for name in _ARGUMENTS[type(tokenizer)]}
    if "pre_tokenize" in config:
        config["pre_tokenize"] = _words_config(config["pre_tokenize"])
    if tokenizer._as_transformers:
        config["as_transformers"] = True
    if tokenizer.chat_template is not None:
        config["chat_template"] = tokenizer.chat_template.templates
    return config


def pretrained_config(tokenizer):
    """Return the tokenizer_config.json with which transformers and `load_tokenizer` read it back.

    The entry "kerasx" has what transformers does not know, such as functions of words.
    """
    config = {"tokenizer_class": "BertTokenizer"} if isinstance(tokenizer, Tokenizer) else {}
    if isinstance(tokenizer, HuggingFaceTokenizer):
        config = {
            **tokenizer._options,
            "split_special_tokens": not tokenizer._encode_special_tokens,
        }
    else:
        config["kerasx"] = tokenizer_config(tokenizer)
        config["do_lower_case"] = tokenizer._do_lower_case
    if isinstance(tokenizer, Tokenizer):
        config["additional_special_tokens"] = tokenizer._additional_special_tokens
    if isinstance(tokenizer, SpTokenizer):
        config |= {"keep_accents": tokenizer._keep_accents, "extra_ids": 0}
    config |= tokenizer.special_tokens
    if tokenizer.chat_template is not None:
        named = tokenizer.chat_template.templates.items()
        config["chat_template"] = [{"name": name, "template": text} for name, text in named]
    return config


def read_tokenizer(path, config):
    """Read a tokenizer from a vocabulary file and the dict of `tokenizer_config`.

    Raises:
        ValueError: the dict has other entries or types.
    """
    kind = next(kind for kind, name in _FILES.items() if name == os.path.basename(path))
    config = _checked(kind, config)
    templates, cut = config.pop("chat_template", None), config.pop("as_transformers", False)
    tokenizer = kind(path, **config)
    _check_special_ids(tokenizer)
    tokenizer._as_transformers = cut
    if templates is not None:
        tokenizer.chat_template = ChatTemplate(templates, tokenizer.special_tokens)
    return tokenizer


def read_saved_tokenizer(files, config):
    """Read the tokenizer that `save_model` or `save_pretrained` wrote.

    Args:
        files: the `FolderFiles`.
        config: the dict of `tokenizer_config`.
    """
    own = {HuggingFaceTokenizer: "special_tokens", Tokenizer: "word_maxlen"}
    kind = next((kind for kind, name in own.items() if name in config), SpTokenizer)
    if not files.has(_FILES[kind]):
        raise invalid(f"`folder` must hold {_FILES[kind]}.", folder=files.path)
    return read_tokenizer(files.at(_FILES[kind]), config)


def _checked(kind, config):
    """Return a configuration with its function of words; raise for unknown or mistyped entries."""
    unknown = config.keys() - {*_ARGUMENTS[kind], "chat_template", "as_transformers"}
    if unknown:
        raise invalid("The tokenizer's saved options are unknown.", unknown=sorted(unknown))
    config = check_options(config)
    for name in ("token_start", "token_end"):
        if not isinstance(config.get(name), (str, type(None))):
            raise invalid(f"`{name}` must be a str or null.", **{name: config[name]})
    check_texts("additional_special_tokens", config.get("additional_special_tokens", []))
    for name in ("token_translate", "special_tokens"):
        texts = config.get(name, {})
        if not isinstance(texts, dict) or not all(isinstance(x, str) for x in texts.values()):
            raise invalid(f"`{name}` must be an object of str.", **{name: texts})
    if "pre_tokenize" in config:
        config["pre_tokenize"] = _words(config["pre_tokenize"])
    return config


def _check_special_ids(tokenizer):
    """Raise for a start or an end that is no token, and for an id of [UNK] that a script set."""
    own = tokenizer._known_id(tokenizer._token_unk)
    absent = tokenizer._absent_edges()
    if absent or tokenizer.unk_id != own:
        raise invalid(
            "`tokenizer` must have its start, end and unknown token in its vocabulary to be saved; "
            "without a start or an end it is made with token_start=None, token_end=None.",
            absent=absent,
            unk_id=tokenizer.unk_id,
        )


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
    words = config.get("user_words") if isinstance(config, dict) else None
    if not isinstance(words, list) or not all(map(_is_word, words)):
        raise invalid("`pre_tokenize` must be null or have user_words.", pre_tokenize=config)
    return JiebaCut(words) if words else jieba_cut


def _is_word(item):
    """Return whether an item is [word, frequency or null]."""
    pair = isinstance(item, list) and len(item) == 2
    return pair and isinstance(item[0], str) and type(item[1]) in (int, type(None))
