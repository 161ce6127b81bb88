"""Vocabularies, generated corpora with noise, and strings of every sort."""

import json
import random
from functools import cache
from itertools import chain
from pathlib import Path

from hypothesis import strategies as st

from kerasx import datasets
from kerasx.tokenizers import Tokenizer, save_vocab

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text(encoding="utf-8"))
TOKEN_DICT = {token: i for i, token in enumerate(GOLDEN["vocab"])}

# Every code point of the planes in use, and each 101st of the rest, unassigned or private alike.
CODES = [*range(0x32000), *range(0x32000, 0xE0000, 101), *range(0xE0000, 0xE0200)]
CODES += range(0xE0200, 0x110000, 101)

# Any code point, surrogates included, with those that have given trouble drawn more often.
TROUBLE = "我们 a\u0301\u0323\u302e\u302f각\ud800\udfff\x00\u200d\ufe0f\u034f😀İΣ豈[CLSMAK]#\n,。3"
ANY_TEXT = st.text(st.one_of(st.characters(), st.sampled_from(TROUBLE)), max_size=30)


def tokenizer(**options):
    return Tokenizer(TOKEN_DICT, **{"do_lower_case": True, **options})


CORPORA = {
    "dialogues": lambda n: chain.from_iterable(datasets.generate_dialogues(n // 4)),
    "entities": lambda n: (x.text for x in datasets.generate_entities(n)),
    "papers": lambda n: (x.abstract for x in datasets.generate_papers(n)),
    "paraphrases": lambda n: (x.first for x in datasets.generate_paraphrases(n)),
    "problems": lambda n: (x.question + x.equation for x in datasets.generate_problems(n)),
    "questions": lambda n: (x.passage + x.question for x in datasets.generate_questions(n)),
    "reviews": lambda n: (x.text for x in datasets.generate_reviews(n)),
    "segmented": lambda n: map("  ".join, datasets.generate_segmented(n)),
}
# parts of texts of the web that generated texts lack
_NOISE = (
    "iPhone-X 3.14% C++ e-mail http://t.cn/R2Wx0P9?id=1&x=[CLS] @user_1 #话题# //@他: RÉSUMÉ naïve "
    "Ａｐｐ ①②③ ℃ ￥99.9 《书》 “引” —— …… [微笑] :-) ^_^ 😀👍🏽 👨\u200d👩\u200d👧 ❤\ufe0f ★☆ "
    "日本語の 한국어 Привет İ ß \u200b \u3000 \u00a0 \u2028 \ufeff 【】 ～ ︵ 𠀀 龘 ㎡ ½ Ⅷ ᠎ \u0301"
).split(" ")


@cache
def corpus(name, n=400):
    """Return generated texts; the second half has noise."""
    draw, texts = random.Random(name), list(CORPORA[name](n))
    for i in range(len(texts) // 2, len(texts)):
        text = texts[i]
        for _ in range(draw.randint(1, 4)):
            place = draw.randint(0, len(text))
            text = text[:place] + draw.choice(_NOISE) + text[place:]
        texts[i] = text.upper() if draw.random() < 0.1 else text
    return texts


@cache
def chinese_tokens():
    """Return tokens in the layout of Chinese BERT: specials, symbols, ideographs, pieces."""
    rows = [bytes([high]).decode("latin-1") for high in range(0x21, 0x7F)]
    for high in (*range(0xA1, 0xAA), *range(0xB0, 0xF8)):  # GB2312
        rows += [bytes([high, low]).decode("gb2312", "ignore") for low in range(0xA1, 0xFF)]
    words = "the of and in play un aff able cafe resume naive phone app http com www id user iphone"
    alone = [x for x in dict.fromkeys([*rows, *GOLDEN["vocab"], *words.split()]) if x.strip()]
    start = ["[PAD]", *(f"[unused{i}]" for i in range(1, 100)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    start += ["<S>", "<T>"]
    alone = [x for x in alone if x not in start and x[:2] != "##"]
    alone.insert(343 - len(start), "\u2028")
    suffixes = [f"##{x}" for x in alone if x.isalnum()] + ["##...", "##😎"]
    return [*start, *alone, "...", *suffixes]


def write_chinese_vocab(folder):
    path = folder / "vocab.txt"
    save_vocab(path, {token: i for i, token in enumerate(chinese_tokens())})
    return path
