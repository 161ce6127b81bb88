"""Steps of each family's tokenizer in the package tokenizers: normalizer, pieces, decoder, frame.

transformers 5 takes the vocabulary and the merges of a folder, but the steps from the tokenizer's
class; `tokenizer.json` decides the steps only where no class does. So it is here.

Source: transformers 5, `models/*/tokenization_*.py`.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from kerasx.checks import invalid
from kerasx.tokenizers.sentence_piece_families import (
    MBART_LANGUAGES,
    camembert_pieces,
    mbart_pieces,
    sentinels,
    t5_pieces,
    xlm_roberta_pieces,
)

_QWEN2_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_WHOLE_WORDS = {"continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": False}


def import_tokenizers():
    """Import tokenizers, or raise an error that names the extra."""
    try:
        import tokenizers
    except ImportError as error:
        raise ImportError(
            'This tokenizer needs the package tokenizers: pip install "kerasx[text]"'
        ) from error
    return tokenizers


@dataclass
class Pieces:
    """Vocabulary of a folder, as its files give it.

    Attributes:
        vocab: dict from tokens to ids; for a unigram model the list of (piece, score).
        merges: list of pairs of tokens; None for models without merges.
        charsmap: bytes, SentencePiece's table of normalization; None for none.
        unk_id: id of the unknown piece of a unigram model, if the file says it.
        extra: special tokens of the file beside the named ones; None if the file is silent.
        frame: the file's post-processor, or None.
    """

    vocab: Any
    merges: list | None = None
    charsmap: bytes | None = None
    unk_id: int | None = None
    extra: list | None = None
    frame: Any = None


class Family(NamedTuple):
    """A tokenizer class of transformers.

    Attributes:
        model: "WordPiece", "BPE" or "Unigram".
        build: function (pieces, options, named) -> `tokenizers.Tokenizer` without special tokens.
        tokens: the default special tokens by name.
        frame: function (options, named, id_of) -> post-processor, which puts special tokens around
            texts; None for that of tokenizer.json, or one by `add_bos_token`, `add_eos_token`.
        number: function (pieces of a SentencePiece model, named, options) -> pieces in the order
            of the ids.
        extra: function (options) -> special tokens that the class has beside the named ones.
        adapt: function (named) -> named, with the properties of tokens that the class sets.
    """

    model: str
    build: Any
    tokens: dict
    frame: Any = None
    number: Any = lambda pieces, named, options: pieces
    extra: Any = lambda options: []
    adapt: Any = lambda named: named


def _word_piece(pieces, options, named):
    tk = import_tokenizers()
    unk = str(named["unk_token"])
    if unk not in pieces.vocab:
        raise invalid("The vocabulary must hold the unknown token.", unk_token=unk)
    backend = tk.Tokenizer(tk.models.WordPiece(pieces.vocab, unk_token=unk))
    backend.normalizer = tk.normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=options.get("tokenize_chinese_chars", True),
        strip_accents=options.get("strip_accents"),
        lowercase=options.get("do_lower_case", True),
    )
    backend.pre_tokenizer = tk.pre_tokenizers.BertPreTokenizer()
    backend.decoder = tk.decoders.WordPiece(prefix="##")
    return backend


def _bpe(pieces, **settings):
    tk = import_tokenizers()
    return tk.Tokenizer(tk.models.BPE(vocab=pieces.vocab, merges=pieces.merges or [], **settings))


def _byte_level(pieces, options, named):
    tk = import_tokenizers()
    backend = _bpe(pieces, **_WHOLE_WORDS)
    space = options.get("add_prefix_space", False)
    backend.pre_tokenizer = tk.pre_tokenizers.ByteLevel(add_prefix_space=space)
    backend.decoder = tk.decoders.ByteLevel()
    return backend


def _qwen2(pieces, options, named):
    tk = import_tokenizers()
    backend = _bpe(pieces, **_WHOLE_WORDS)
    backend.normalizer = tk.normalizers.NFC()
    words = tk.pre_tokenizers.Split(tk.Regex(_QWEN2_WORDS), behavior="isolated", invert=False)
    space = options.get("add_prefix_space") or False
    spelled = tk.pre_tokenizers.ByteLevel(add_prefix_space=space, use_regex=False)
    backend.pre_tokenizer = tk.pre_tokenizers.Sequence([words, spelled])
    backend.decoder = tk.decoders.ByteLevel()
    return backend


def _openai_gpt(pieces, options, named):
    tk = import_tokenizers()
    unk = str(named["unk_token"])
    backend = _bpe(pieces, **{**_WHOLE_WORDS, "end_of_word_suffix": "</w>"}, unk_token=unk)
    backend.normalizer = tk.normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = tk.pre_tokenizers.BertPreTokenizer()
    backend.decoder = tk.decoders.BPEDecoder(suffix="</w>")
    return backend


def _llama(pieces, options, named):
    tk = import_tokenizers()
    space = options.get("add_prefix_space")
    space = True if space is None else space
    scheme = "always" if options.get("legacy", False) else "first"
    backend = _bpe(pieces, fuse_unk=True, byte_fallback=True)
    backend.pre_tokenizer = tk.pre_tokenizers.Metaspace(
        prepend_scheme=scheme if space else "never", split=False
    )
    steps = [tk.decoders.Replace("▁", " "), tk.decoders.ByteFallback(), tk.decoders.Fuse()]
    strip = [tk.decoders.Strip(content=" ", left=1)] if space else []
    backend.decoder = tk.decoders.Sequence([*steps, *strip])
    return backend


def _unigram(pieces, unk_id, scheme="always", steps=(), splits=None, charsmap=None):
    """Return a unigram tokenizer of words after normalizers `steps`, with "▁" for spaces."""
    tk = import_tokenizers()
    model = tk.models.Unigram(pieces.vocab, unk_id=unk_id, byte_fallback=False)
    backend = tk.Tokenizer(model)
    steps = [*steps, *([tk.normalizers.Precompiled(charsmap)] if charsmap else [])]
    if steps:
        backend.normalizer = tk.normalizers.Sequence(steps)
    splits = [tk.pre_tokenizers.WhitespaceSplit()] if splits is None else splits
    metaspace = tk.pre_tokenizers.Metaspace(prepend_scheme=scheme)
    backend.pre_tokenizer = tk.pre_tokenizers.Sequence([*splits, metaspace])
    backend.decoder = tk.decoders.Metaspace(prepend_scheme=scheme)
    return backend


def _scheme(options, otherwise="never"):
    return "always" if options.get("add_prefix_space", True) else otherwise


def _xlm_roberta(pieces, options, named):
    return _unigram(pieces, 3, _scheme(options), charsmap=pieces.charsmap)


def _camembert(pieces, options, named):
    unk = str(named["unk_token"])
    unk_id = next((i for i, (piece, _) in enumerate(pieces.vocab) if piece == unk), 0)
    return _unigram(pieces, unk_id, _scheme(options), charsmap=pieces.charsmap)


def _mbart(pieces, options, named):
    return _unigram(pieces, 3)


def _t5(pieces, options, named):
    return _unigram(pieces, 2, charsmap=pieces.charsmap)


def _albert(pieces, options, named):
    tk = import_tokenizers()
    steps = [tk.normalizers.Replace(quotes, '"') for quotes in ("``", "''")]
    if not options.get("keep_accents", False):
        steps += [tk.normalizers.NFKD(), tk.normalizers.StripAccents()]
    if options.get("do_lower_case", True):
        steps.append(tk.normalizers.Lowercase())
    return _unigram(pieces, 1, _scheme(options), steps, charsmap=pieces.charsmap)


def _deberta_v2(pieces, options, named):
    tk = import_tokenizers()
    steps = [tk.normalizers.Lowercase()] if options.get("do_lower_case", False) else []
    steps.append(tk.normalizers.Replace(tk.Regex(r"\s{2,}|[\n\r\t]"), " "))
    steps += [tk.normalizers.NFC(), tk.normalizers.Strip(left=False, right=True)]
    unk = (str(named["unk_token"]), 0.0)
    known = options.get("unk_id", 1) if pieces.unk_id is None else pieces.unk_id
    unk_id = pieces.vocab.index(unk) if unk in pieces.vocab else known
    marks = tk.pre_tokenizers.Punctuation(behavior="isolated")
    splits = [marks] if options.get("split_by_punct", False) else []
    return _unigram(pieces, unk_id, _scheme(options, "first"), steps, splits)


def build(family, pieces, options, named):
    """Return the `tokenizers.Tokenizer` of a family, without special tokens.

    Raises:
        ValueError: the vocabulary or the merges do not fit.
    """
    import_tokenizers()
    try:
        return family.build(pieces, options, named)
    except Exception as error:  # the package raises bare Exceptions
        raise ValueError(f"The folder's vocabulary and merges must fit: {error}") from error


def template(single, pair, id_of):
    """Return the post-processor that puts special tokens around a text and around a pair.

    Args:
        single, pair: lists of "token:segment", where the tokens $A and $B are the texts.
        id_of: function from a token to its id.
    """
    tokens = {item.rpartition(":")[0] for item in [*single, *pair]} - {"$A", "$B"}
    ids = sorted((token, id_of(token)) for token in tokens)
    missing = [token for token, i in ids if i is None]
    if missing:
        raise invalid("The vocabulary must hold the special tokens of its class.", missing=missing)
    tk = import_tokenizers()
    return tk.processors.TemplateProcessing(single=single, pair=pair, special_tokens=ids)


def start_end_frame(named, start, end, id_of):
    """Return the post-processor of language models: `bos_token` and `eos_token` where asked."""

    def around(text, segment):
        before = [f"{named['bos_token']}:{segment}"] if start else []
        after = [f"{named['eos_token']}:{segment}"] if end else []
        return [*before, f"{text}:{segment}", *after]

    return template(around("$A", 0), [*around("$A", 0), *around("$B", 1)], id_of)


def _cls_sep_frame(options, named, id_of):
    cls, sep = named["cls_token"], named["sep_token"]
    single = [f"{cls}:0", "$A:0", f"{sep}:0"]
    return template(single, [*single, "$B:1", f"{sep}:1"], id_of)


def _double_end_frame(options, named, id_of):
    start, end = f"{named['bos_token']}:0", f"{named['eos_token']}:0"
    single = [start, "$A:0", end]
    return template(single, [*single, end, "$B:0", end], id_of)


def _end_frame(options, named, id_of):
    end = f"{named['eos_token']}:0"
    return template(["$A:0", end], ["$A:0", end, "$B:0", end], id_of)


def _language_frame(options, named, id_of):
    ends = [f"{named['eos_token']}:0", f"{options.get('src_lang') or 'en_XX'}:0"]
    return template(["$A:0", *ends], ["$A:0", "$B:0", *ends], id_of)


def _roberta_frame(options, named, id_of):
    sep, cls = str(named["sep_token"]), str(named["cls_token"])
    trim, space = options.get("trim_offsets", True), options.get("add_prefix_space", False)
    tk = import_tokenizers()
    return tk.processors.RobertaProcessing((sep, id_of(sep)), (cls, id_of(cls)), trim, space)


def _stripping_mask(named):
    """Let the mask token take the white space before it, unless the folder says otherwise."""
    mask = named.get("mask_token")
    if not isinstance(mask, str):
        return named
    mask = import_tokenizers().AddedToken(mask, lstrip=True, special=True)
    return {**named, "mask_token": mask}


_FAIRSEQ = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "cls_token": "<s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}
BERT_TOKENS = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
_EDGES = {"bos_token": "[CLS]", "eos_token": "[SEP]"}
_GPT2 = dict.fromkeys(("unk_token", "bos_token", "eos_token"), "<|endoftext|>")
_QWEN2 = dict.fromkeys(("unk_token", "eos_token", "pad_token"), "<|endoftext|>")
_LLAMA = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
_T5 = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
_ALBERT = {**BERT_TOKENS, **_EDGES, "unk_token": "<unk>", "pad_token": "<pad>"}
_UNUSED = ["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"]

_BERT_FAMILY = Family("WordPiece", _word_piece, BERT_TOKENS, _cls_sep_frame)
_ROBERTA_FAMILY = Family("BPE", _byte_level, _FAIRSEQ, _roberta_frame)

# by the name of the class in transformers, without "Fast"
FAMILIES = {
    **dict.fromkeys(
        """BertTokenizer DistilBertTokenizer ElectraTokenizer MobileBertTokenizer
        SqueezeBertTokenizer ConvBertTokenizer LayoutLMTokenizer RetriBertTokenizer
        RoFormerTokenizer""".split(),
        _BERT_FAMILY,
    ),
    **dict.fromkeys(
        "RobertaTokenizer BartTokenizer LongformerTokenizer LEDTokenizer MvpTokenizer".split(),
        _ROBERTA_FAMILY,
    ),
    "GPT2Tokenizer": Family("BPE", _byte_level, _GPT2),
    "Qwen2Tokenizer": Family("BPE", _qwen2, _QWEN2),
    "OpenAIGPTTokenizer": Family("BPE", _openai_gpt, {"unk_token": "<unk>"}),
    "LlamaTokenizer": Family("BPE", _llama, _LLAMA),
    "XLMRobertaTokenizer": Family(
        "Unigram", _xlm_roberta, _FAIRSEQ, _double_end_frame, xlm_roberta_pieces
    ),
    "CamembertTokenizer": Family(
        "Unigram",
        _camembert,
        _FAIRSEQ,
        _double_end_frame,
        camembert_pieces,
        lambda options: _UNUSED,
        _stripping_mask,
    ),
    "MBartTokenizer": Family(
        "Unigram",
        _mbart,
        _FAIRSEQ,
        _language_frame,
        mbart_pieces,
        lambda options: list(MBART_LANGUAGES),
        _stripping_mask,
    ),
    "T5Tokenizer": Family("Unigram", _t5, _T5, _end_frame, t5_pieces, sentinels),
    "AlbertTokenizer": Family("Unigram", _albert, _ALBERT, _cls_sep_frame),
    "DebertaV2Tokenizer": Family("Unigram", _deberta_v2, {**BERT_TOKENS, **_EDGES}, _cls_sep_frame),
}
