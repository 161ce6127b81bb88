"""Tiny tokenizer folders of every family, with trained vocabularies."""

import json
from functools import cache
from io import BytesIO

import sentencepiece
import tokenizers

from tests.tokenizers.common import corpus

ENGLISH = """It's $3.50 (approx.) -- isn't it? The cat's toys cost 50% more at 10:30 in the U.S.
Résumé naïve coöperate Straße: we're, they'll, I don't know; see http://example.org/a?b=1&c=2
hello quick fox jumped over HELLO Café ``quoted'' words, 5 - 3 = 2 and 1,000 items.""".split("\n")


@cache
def texts():
    """Return Chinese and English texts with noise."""
    chinese = [text for name in ("reviews", "papers", "dialogues") for text in corpus(name)[::8]]
    return chinese + ENGLISH * 3


@cache
def byte_bpe(specials=("<|endoftext|>",), last=()):
    """Return (vocab, merges) of byte-level BPE with special tokens first and last."""
    backend = tokenizers.Tokenizer(tokenizers.models.BPE())
    backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=list(specials),
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts(), trainer)
    model = json.loads(backend.to_str())["model"]
    vocab = {**model["vocab"], **{token: len(model["vocab"]) + i for i, token in enumerate(last)}}
    return vocab, [tuple(merge) for merge in model["merges"]]


@cache
def piece_model(kind="unigram", **options):
    """Return the bytes of a SentencePiece model."""
    writer = BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(t.encode("utf-8", "replace").decode() for t in texts()),
        model_writer=writer,
        model_type=kind,
        num_threads=1,
        minloglevel=2,
        character_coverage=0.98,
        **{"vocab_size": 900, **options},
    )
    return writer.getvalue()


def word_pieces(lower=True):
    """Return a vocabulary of BERT's WordPiece: {token: id}."""
    start = ["[PAD]", "[unused1]", "[E1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    found = "".join(texts()).lower() if lower else "".join(texts())
    alone = sorted({c for c in found if c.strip() and not "\ud800" <= c <= "\udfff"})
    words = "the cat it is quick fox hello cafe resume in of".split()
    pieces = [f"##{c}" for c in alone if c.isalnum()] + ["##ing", "##ed", "##s"]
    tokens = dict.fromkeys([*start, *alone, *words, *pieces])
    return {token: i for i, token in enumerate(tokens)}


def write_json(folder, name, value):
    (folder / name).write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def write_merges(folder, merges):
    lines = ["#version: 0.2", *(" ".join(merge) for merge in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _added(content, special):
    """Return an entry of added_tokens_decoder."""
    no = dict.fromkeys(("normalized", "lstrip", "rstrip", "single_word"), False)
    return {"content": content, "special": special, **no}


_FAIRSEQ = ("<s>", "<pad>", "</s>", "<unk>")
# folder name -> (model_type, tokenizer_config.json, files)
_BPE = {
    "gpt2": ("gpt2", {}, {}),
    "gpt2-space": ("gpt2", {"add_prefix_space": True, "add_bos_token": True}, {}),
    "roberta": ("roberta", {}, {"specials": _FAIRSEQ, "last": ("<mask>",)}),
    "bart": (
        "bart",
        {
            "tokenizer_class": "BartTokenizer",
            "mask_token": {
                "__type": "AddedToken",
                "content": "<mask>",
                "lstrip": True,
                "rstrip": False,
                "single_word": False,
                "normalized": True,
            },
        },
        {"specials": _FAIRSEQ, "last": ("<mask>",)},
    ),
    "qwen2": (
        "qwen2",
        {
            "tokenizer_class": "Qwen2Tokenizer",
            "bos_token": None,
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
            "added_tokens_decoder": {
                "600": _added("<|endoftext|>", special=True),
                "601": _added("<|im_start|>", special=True),
                "602": _added("<|im_end|>", special=True),
                "603": _added("<tool_call>", special=False),
            },
        },
        {"specials": ()},
    ),
}
# options of SentencePiece's trainer
_SHIFTED = {"unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1}
_ALBERT = {
    "pad_id": 0,
    "unk_id": 1,
    "bos_id": 2,
    "eos_id": 3,
    "bos_piece": "[CLS]",
    "eos_piece": "[SEP]",
    "control_symbols": "[MASK]",
}
_DEBERTA = {
    "pad_id": 0,
    "bos_id": 1,
    "eos_id": 2,
    "unk_id": 3,
    "pad_piece": "[PAD]",
    "bos_piece": "[CLS]",
    "eos_piece": "[SEP]",
    "unk_piece": "[UNK]",
}
_LLAMA = {
    "kind": "bpe",
    "unk_id": 0,
    "bos_id": 1,
    "eos_id": 2,
    "byte_fallback": True,
    "vocab_size": 1100,
}
_SPM = {
    "xlm-roberta": (
        "xlm-roberta",
        "sentencepiece.bpe.model",
        {},
        _SHIFTED,
    ),
    "camembert": (
        "camembert",
        "sentencepiece.bpe.model",
        {},
        _SHIFTED,
    ),
    "mbart": (
        "mbart",
        "sentencepiece.bpe.model",
        {"src_lang": "zh_CN", "tokenizer_class": "MBartTokenizer"},
        _SHIFTED,
    ),
    "t5": ("t5", "spiece.model", {}, {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}),
    "mt5": (
        "mt5",
        "spiece.model",
        {"extra_ids": 0, "tokenizer_class": "T5Tokenizer"},
        {
            "pad_id": 0,
            "eos_id": 1,
            "unk_id": 2,
            "bos_id": -1,
            "byte_fallback": True,
            "vocab_size": 1100,
        },
    ),
    "albert": (
        "albert",
        "spiece.model",
        {},
        _ALBERT,
    ),
    "albert-accents": (
        "albert",
        "spiece.model",
        {"keep_accents": True, "do_lower_case": False},
        _ALBERT,
    ),
    "deberta-v2": (
        "deberta-v2",
        "spm.model",
        {},
        _DEBERTA,
    ),
    "deberta-lower": (
        "deberta-v2",
        "spm.model",
        {"do_lower_case": True, "split_by_punct": True},
        _DEBERTA,
    ),
    "llama": (
        "llama",
        "tokenizer.model",
        {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "legacy": True},
        _LLAMA,
    ),
    "llama-new": (
        "llama",
        "tokenizer.model",
        {
            "tokenizer_class": "LlamaTokenizer",
            "add_bos_token": True,
            "add_eos_token": True,
            "legacy": False,
        },
        _LLAMA,
    ),
}
_WORDS = {
    "bert": ("bert", {}),
    "bert-cased": ("bert", {"do_lower_case": False}),
    "bert-markers": ("bert", {"additional_special_tokens": ["[E1]", "[unused1]"]}),
    "bert-accents": ("bert", {"strip_accents": False}),
    "bert-plain": ("bert", {"tokenize_chinese_chars": False, "do_lower_case": False}),
    "electra": ("electra", {"tokenizer_class": "ElectraTokenizer"}),
    "distilbert": ("distilbert", {"tokenizer_class": "DistilBertTokenizer"}),
}
# folder name -> model_type
FOLDERS = {name: family for name, (family, *_) in {**_BPE, **_SPM, **_WORDS}.items()}


def make_folder(name, folder):
    """Write the files of a family as its authors published them, without tokenizer.json."""
    folder.mkdir()
    if name in _BPE:
        kind, config, options = _BPE[name]
        vocab, merges = byte_bpe(**options)
        write_json(folder, "vocab.json", vocab)
        write_merges(folder, merges)
    elif name in _SPM:
        kind, file, config, options = _SPM[name]
        (folder / file).write_bytes(piece_model(**options))
    else:
        kind, config = _WORDS[name]
        tokens = word_pieces(config.get("do_lower_case", True))
        (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    write_json(folder, "config.json", {"model_type": kind})
    if config:
        write_json(folder, "tokenizer_config.json", config)
    return folder
