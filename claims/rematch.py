"""Offsets give the text of every entity back as it was written; joined tokens do not.

Each entity of 150 made-up sentences gets a prefix that a tokenizer changes: capitals, full width,
accents, control characters, characters that it does not know. The tokens of an entity are turned
into text by joining them, as a tokenizer decodes, and by cutting the text at their offsets.
"""

import numpy as np

from claims.running import FAILS, HOLDS
from kerasx.datasets import generate_entities
from kerasx.spans import text_spans, token_spans
from kerasx.tokenizers import Tokenizer, character_vocab

SOURCE = "kexue.fm/archives/7321; Tokenizer.rematch of bert4keras"
SMALL = {"texts": 20}
PREFIXES = {
    "none": "",
    "capitals": "NASA ",
    "full width": "ＡＢＣ　",
    "accents": "Café ",
    "control characters": "A\u200bB\x00",
    "unknown characters": "𠮷😀",
}
WAYS = ("joined tokens", "offsets")


def with_prefix(text, spans, prefix):
    """Put a prefix before each entity, into its span."""
    for start, *_ in reversed(spans):
        text = text[:start] + prefix + text[start:]
    moved = [
        (a + i * len(prefix), b + (i + 1) * len(prefix), c) for i, (a, b, c) in enumerate(spans)
    ]
    return text, moved


def measure(seed, texts=150):
    drawn = generate_entities(texts, seed)
    vocabulary = character_vocab([*(x.text for x in drawn), "abcdefghijklmnopqrstuvwxyz"])
    tokenizer = Tokenizer(vocabulary, do_lower_case=True)
    figures = {}
    for name, prefix in PREFIXES.items():
        right = []
        for text, spans in (with_prefix(*x, prefix) for x in drawn):
            ids, (_, offsets) = tokenizer.encode(text)[0], tokenizer.tokenize_with_offsets(text)
            found = token_spans(text, spans, offsets)
            cut = [text[a:b] for a, b, _ in text_spans(text, found, offsets)]
            joined = [tokenizer.decode(ids[a:b]) for a, b, _ in found]
            gold = [text[a:b] for a, b, _ in spans]
            right += [(a == x, b == x) for a, b, x in zip(joined, cut, gold)]
        for way, share in zip(WAYS, 100 * np.mean(right, 0)):
            figures[f"{name}, {way} (%)"] = share
    return figures


def judge(figures):
    offsets, joined = (
        [figures[f"{name}, {way} (%)"].mean() for name in PREFIXES] for way in WAYS[::-1]
    )
    verdict = HOLDS if min(offsets) == 100 and min(joined) < 100 else FAILS
    return verdict, (
        f"By offsets {min(offsets):.0f}% of the entities come back in every kind of text, by "
        f"joined tokens {joined[0]:.0f}% where the tokenizer changes nothing and "
        f"{np.mean(joined[1:]):.0f}% elsewhere."
    )


def draw(picture, figures):
    axes = picture.subplots()
    y = np.arange(len(PREFIXES))[::-1]
    for offset, way in zip((-0.2, 0.2), WAYS):
        axes.barh(
            y - offset, [figures[f"{n}, {way} (%)"].mean() for n in PREFIXES], 0.38, label=way
        )
    axes.set(xlabel="entities that come back as they were written (%)", xlim=(0, 100))
    axes.set_yticks(y, PREFIXES)
    axes.set_ylabel("what stands in the entities")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
