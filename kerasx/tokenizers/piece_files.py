"""Read the vocabulary and the merges of a folder: tokenizer.json, vocab.*, SentencePiece models."""

import base64
import binascii
import json

from kerasx.checks import invalid
from kerasx.files.json_object import read_json_object
from kerasx.tokenizers.huggingface import parse_backend
from kerasx.tokenizers.pipelines import Pieces, import_tokenizers
from kerasx.tokenizers.sentence_piece_families import merges_by_rank, read_piece_model
from kerasx.tokenizers.vocabulary import load_vocab

PIECE_MODELS = (
    "spiece.model",
    "sentencepiece.bpe.model",
    "spm.model",
    "tokenizer.model",
    "sentencepiece.model",
)
KNOWN = "tokenizer.json, vocab.txt, vocab.json with merges.txt, or a SentencePiece model"


def pieces_of_json(tokenizer, path):
    """Return the `Pieces` of a tokenizer.json.

    Args:
        tokenizer: dict of the file.
        path: its path, for errors.
    """
    model = _model(tokenizer, path)
    vocab, merges = model.get("vocab"), model.get("merges")
    if isinstance(vocab, list):
        vocab = [_scored(item, path) for item in vocab]
    elif not isinstance(vocab, dict) or not all(type(i) is int for i in vocab.values()):
        raise invalid("`vocab` of a tokenizer.json must map tokens to ids.", path=path)
    if merges is not None:
        merges = [_pair(merge, path) for merge in merges]
    frame = _frame(tokenizer.get("post_processor"), path)
    return Pieces(vocab, merges, _charsmap(tokenizer.get("normalizer"), path), frame=frame)


def model_of_json(tokenizer, path):
    """Return the kind of model in a tokenizer.json: "BPE", "Unigram", "WordPiece" or another."""
    model = _model(tokenizer, path)
    if "type" in model:
        return model["type"]
    kinds = {"merges": "BPE", "unk_id": "Unigram", "max_input_chars_per_word": "WordPiece"}
    return next((kind for key, kind in kinds.items() if key in model), None)


def _model(tokenizer, path):
    model = tokenizer.get("model")
    if not isinstance(model, dict):
        raise invalid("`path` must be a tokenizer.json: it has no model.", path=path)
    return model


def _scored(item, path):
    good = isinstance(item, list) and len(item) == 2 and isinstance(item[0], str)
    if not good or type(item[1]) not in (int, float):
        raise invalid("`vocab` of a unigram model must hold [piece, score].", path=path, item=item)
    return item[0], float(item[1])


def _pair(merge, path):
    pair = merge.split(" ") if isinstance(merge, str) else merge
    good = isinstance(pair, list) and len(pair) == 2 and all(isinstance(x, str) for x in pair)
    if not good:
        raise invalid("`merges` must be pairs of tokens.", path=path, merge=merge)
    return tuple(pair)


def _frame(post_processor, path):
    """Return the post-processor of a tokenizer.json as an object of the package tokenizers."""
    if post_processor is None:
        return None
    model = {"type": "BPE", "vocab": {}, "merges": []}
    text = json.dumps({"version": "1.0", "model": model, "post_processor": post_processor})
    return parse_backend(text, path).post_processor


def _charsmap(normalizer, path):
    """Return the first table of SentencePiece's normalization among the normalizers."""
    steps = [normalizer]
    if isinstance(normalizer, dict) and normalizer.get("type") == "Sequence":
        steps = normalizer.get("normalizers")
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict) and step.get("type") == "Precompiled":
            try:
                return base64.b64decode(step["precompiled_charsmap"])
            except (KeyError, TypeError, binascii.Error) as error:
                raise invalid(
                    "`precompiled_charsmap` must be base64.", path=path, error=error
                ) from error
    return None


def pieces_of_files(files, name, family, named, options):
    """Return the `Pieces` of a folder without tokenizer.json.

    Args:
        files: the `Files` of the folder.
        name: the tokenizer class, for errors.
        family: its `Family`.
        named: its special tokens by name.
        options: dict of tokenizer_config.json.
    """
    if family.model == "WordPiece" and files.has("vocab.txt"):
        return Pieces(load_vocab(files.at("vocab.txt")))
    if family.model == "BPE" and files.has("vocab.json"):
        return Pieces(files.json("vocab.json"), _merges(files))
    model = piece_model_path(files)
    if model is None or family.model == "WordPiece":
        wanted = {"WordPiece": "vocab.txt", "BPE": "vocab.json with merges.txt"}
        raise invalid(
            f"`folder` must hold tokenizer.json or {wanted.get(family.model, 'a .model file')}, "
            f"which {name} reads.",
            folder=files.path,
        )
    return _pieces_of_model(read_piece_model(model), family, named, options)


def _pieces_of_model(model, family, named, options):
    tk = import_tokenizers()
    extra = [tk.AddedToken(t, normalized=False, special=c) for t, c in model.symbols()]
    if family.model == "BPE":
        vocab = {piece: i for i, (piece, _) in enumerate(model.pieces)}
        return Pieces(vocab, merges_by_rank(vocab), extra=extra)
    vocab = family.number(model.pieces, named, options)
    return Pieces(vocab, None, model.charsmap, model.unk_id, extra)


def piece_model_path(files):
    """Return the path of the folder's SentencePiece model, or None; raise if there are two."""
    found = [name for name in PIECE_MODELS if files.has(name)]
    if len(found) > 1:
        raise invalid("`folder` must hold one SentencePiece model.", found=found, folder=files.path)
    return files.at(found[0]) if found else None


def _merges(files):
    """Return the merges of merges.txt, whose first lines may be comments."""
    if not files.has("merges.txt"):
        raise invalid("`folder` must hold merges.txt beside vocab.json.", folder=files.path)
    with open(files.at("merges.txt"), "rb") as reader:
        lines = reader.read().decode("utf-8", "surrogateescape").split("\n")
    start = 1 if lines[0].startswith("#version") else 0
    lines = (line.removesuffix("\r") for line in lines[start:])
    return [_pair(line, files.at("merges.txt")) for line in lines if line]


def check_agreement(files, tokenizer):
    """Raise if vocab.txt or vocab.json gives an id to another token than tokenizer.json does."""
    vocab = _model(tokenizer, files.path).get("vocab")
    if not isinstance(vocab, dict):
        return
    tokens = {i: token for token, i in vocab.items() if type(i) is int}
    for name, read in (("vocab.txt", load_vocab), ("vocab.json", read_json_object)):
        found = read(files.at(name)) if files.has(name) else {}
        wrong = [
            (i, token, tokens[i])
            for token, i in found.items()
            if type(i) is int and tokens.get(i, token) != token
        ]
        if wrong:
            raise invalid(
                f"`folder` must hold one vocabulary, but {name} and tokenizer.json differ. Remove "
                "the file that does not belong to the model.",
                folder=files.path,
                differing=wrong[0],
            )
