"""Load the tokenizer that belongs to the model in a folder."""

import json

from kerasx.checks import invalid
from kerasx.files.switching import in_one_version
from kerasx.tokenizers.chat_template import ChatTemplate, read_chat_templates
from kerasx.tokenizers.classes import tokenizer_class
from kerasx.tokenizers.folder_files import FolderFiles
from kerasx.tokenizers.huggingface import HuggingFaceTokenizer, parse_backend
from kerasx.tokenizers.options import check_options, saved_options
from kerasx.tokenizers.piece_files import (
    KNOWN,
    check_agreement,
    model_of_json,
    piece_model_path,
    pieces_of_files,
    pieces_of_json,
)
from kerasx.tokenizers.pipelines import BERT_TOKENS, FAMILIES, build, start_end_frame
from kerasx.tokenizers.saving import read_saved_tokenizer
from kerasx.tokenizers.sentence_piece import SpTokenizer
from kerasx.tokenizers.special_tokens import NAMES, add_tokens, read_special_tokens
from kerasx.tokenizers.wordpiece import Tokenizer
from kerasx.tokenizers.words import jieba_cut

_TOKENIZER_BYTES = 1 << 28
_BERT, _ROFORMER, _GENERIC = "BertTokenizer", "RoFormerTokenizer", "PreTrainedTokenizerFast"
_EDGES = ("[CLS]", "[SEP]", "</s>")
_START_END = ("add_bos_token", "add_eos_token")


def load_tokenizer(folder, encode_special_tokens=None, **options):
    """Load the tokenizer that belongs to the model in a folder.

    Ids are those of transformers' AutoTokenizer. Folders of `save_model` and `save_pretrained` give
    the tokenizer that was saved. Otherwise config.json and tokenizer_config.json decide the class,
    and the class the steps; the vocabulary is read from tokenizer.json, else from vocab.txt,
    vocab.json with merges.txt, or a SentencePiece model (spiece.model, sentencepiece.bpe.model,
    spm.model, tokenizer.model). Names of files in these files are not followed.

    Args:
        folder: path of the folder.
        encode_special_tokens: encode special tokens such as "[MASK]" or "<|im_start|>" in a text as
            special tokens, as transformers does; False makes them ordinary text, for texts of
            strangers. By default as the folder says (`split_special_tokens`), else True.
        options: entries of tokenizer_config.json to override, such as do_lower_case=False.

    Returns:
        A `Tokenizer` for BERT's WordPiece; an `SpTokenizer` for a SentencePiece model of no family;
        else a `HuggingFaceTokenizer`. Its `chat_template` is that of the folder, or None.

    Raises:
        ValueError: no vocabulary, two that contradict each other, one of no known kind, or a
            malformed file.
        ImportError: a package is missing; names the extra that installs it.

    >>> import os, tempfile
    >>> from kerasx.tokenizers import save_vocab
    >>> folder = tempfile.mkdtemp()
    >>> tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "好"]
    >>> save_vocab(os.path.join(folder, "vocab.txt"), {t: i for i, t in enumerate(tokens)})
    >>> load_tokenizer(folder).encode("好[MASK]")
    ([2, 5, 4, 3], [0, 0, 0, 0])
    """
    files = FolderFiles(folder)
    index = next(filter(files.has, ("artefact.json", "tokenizer_config.json")), "")
    return in_one_version(files.at(index), lambda: _load(files, encode_special_tokens, options))


def _load(files, encode_special_tokens, options):
    settings = files.json("tokenizer_config.json") or {}
    saved = settings.get("kerasx", (files.json("artefact.json") or {}).get("tokenizer"))
    if saved is not None:
        return _saved(files, saved, encode_special_tokens, options)
    settings = check_options({**settings, **options}, given=options)
    if encode_special_tokens is None:
        encode_special_tokens = not settings.get("split_special_tokens", False)
    data = files.json("tokenizer.json", _TOKENIZER_BYTES)
    name = tokenizer_class(files.json("config.json") or {}, settings, data)
    if data is None and _lacks_its_files(files, name):
        name = _BERT  # a Chinese GPT-2 or T5 with the vocabulary of a BERT
    if data is None and name not in FAMILIES:
        loaded = _of_file(files, name, settings, encode_special_tokens)
    else:
        loaded = _of_class(files, name, settings, data, encode_special_tokens)
    templates = read_chat_templates(files, settings)
    loaded._as_transformers = True
    if templates is not None:
        loaded.chat_template = ChatTemplate(templates, loaded.special_tokens)
    return loaded


def _saved(files, config, encode_special_tokens, options):
    """Return the tokenizer that kerasx wrote, with the given options instead of its own."""
    if not isinstance(config, dict):
        raise invalid("The saved tokenizer must be an object.", config=config)
    if encode_special_tokens is not None and "encode_special_tokens" in config:
        options = {**options, "encode_special_tokens": encode_special_tokens}
    return read_saved_tokenizer(files, {**config, **options})


def _lacks_its_files(files, name):
    """Return whether a folder holds vocab.txt and no file that the class reads."""
    reads = name in FAMILIES and FAMILIES[name].model != "WordPiece"
    own = files.has("vocab.json") or piece_model_path(files) is not None
    return reads and files.has("vocab.txt") and not own


def _of_class(files, name, settings, data, encode_special_tokens):
    """Return the tokenizer of a class of transformers, or the one that tokenizer.json describes."""
    legacy = map(files.json, ("special_tokens_map.json", "added_tokens.json"))
    tokens = read_special_tokens(settings, *legacy, data)
    path, family = files.at("tokenizer.json"), FAMILIES.get(name)
    if data is not None:
        check_agreement(files, data)
        settings = {k: v for k, v in settings.items() if k not in _START_END}
    options = {**saved_options(settings), "tokenizer_class": name or _GENERIC}
    if family is None or (data is not None and model_of_json(data, path) != family.model):
        backend = parse_backend(json.dumps(data), path)
        frame, family, options["tokenizer_class"] = backend.post_processor, None, _GENERIC
    else:
        tokens.named = _ordered(family.adapt({**family.tokens, **tokens.named}))
        pieces = _pieces(files, name, family, tokens.named, settings, data)
        tokens.extra = [*family.extra(settings), *_first(tokens.extra, pieces.extra, [])]
        if name == _ROFORMER or _is_plain(pieces, tokens, settings, family):
            words = jieba_cut if name == _ROFORMER else None
            return _word_piece(pieces.vocab, settings, encode_special_tokens, tokens, words)
        backend, frame = build(family, pieces, settings, tokens.named), pieces.frame
    add_tokens(backend, tokens)
    backend.post_processor = _frame(family, frame, settings, tokens.named, backend.token_to_id)
    return HuggingFaceTokenizer(backend, tokens.named, encode_special_tokens, options=options)


def _of_file(files, name, settings, encode_special_tokens):
    """Return the tokenizer of the one vocabulary in a folder that names no class."""
    if name:
        raise invalid(f"`folder` must be of a known tokenizer class, or hold {KNOWN}.", name=name)
    model = piece_model_path(files)
    found = [name for name in ("vocab.txt", "vocab.json") if files.has(name)]
    found += [] if model is None else [model]
    if len(found) != 1 or found == ["vocab.json"]:
        raise invalid(
            f"`folder` must hold one vocabulary ({KNOWN}), or a config.json whose model_type says "
            "which one is the model's.",
            folder=files.path,
            found=found,
        )
    if model is None:
        return _of_class(files, _BERT, settings, None, encode_special_tokens)
    return SpTokenizer(model)


def _pieces(files, name, family, named, settings, data):
    if data is not None:
        return pieces_of_json(data, files.at("tokenizer.json"))
    return pieces_of_files(files, name, family, named, settings)


def _first(*values):
    return next(value for value in values if value is not None)


def _ordered(named):
    """Return the special tokens in transformers' order, which decides the ids of new tokens."""
    return {name: named[name] for name in [*NAMES, *named] if name in named}


def _is_plain(pieces, tokens, settings, family):
    """Return whether `Tokenizer` gives the same ids: a BERT whose tokens are its vocabulary's."""
    if family.model != "WordPiece":
        return False
    named = {name: str(token) for name, token in tokens.named.items() if token is not None}
    known = {*pieces.vocab.values(), *getattr(pieces.vocab, "repeated", ())}
    lower = settings.get("do_lower_case", True)
    return (
        named == BERT_TOKENS
        and pieces.vocab.keys() >= set(map(str, _added(tokens)))
        and known == set(range(len(known)))
        and all(map(_stands_alone, _added(tokens)))
        and settings.get("tokenize_chinese_chars", True)
        and settings.get("strip_accents", lower) == lower
    )


def _added(tokens):
    return [*tokens.named.values(), *tokens.added.values(), *tokens.extra]


def _stands_alone(token):
    """Return whether an added token is found in texts as it is written, and changes no other."""
    return isinstance(token, str) or not (
        token.normalized or token.lstrip or token.rstrip or token.single_word
    )


def _word_piece(vocab, settings, encode_special_tokens, tokens, words=None):
    specials = {str(token) for token in _added(tokens)} - {*BERT_TOKENS.values()}
    return Tokenizer(
        vocab,
        settings.get("do_lower_case", True),
        word_maxlen=100,
        pre_tokenize=words,
        encode_special_tokens=encode_special_tokens,
        additional_special_tokens=sorted(specials),
    )


def _frame(family, frame, settings, named, id_of):
    """Return the post-processor: the class's, else the file's, else one by `add_bos_token` etc."""
    if family is not None and family.frame is not None:
        return family.frame(settings, named, id_of)
    if frame is not None and not any(name in settings for name in _START_END):
        return frame
    start, end = (
        bool(settings.get(f"add_{name}_token")) and named.get(f"{name}_token") is not None
        for name in ("bos", "eos")
    )
    return start_end_frame(named, start, end, id_of)
