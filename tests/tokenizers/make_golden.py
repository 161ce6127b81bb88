"""Writes golden.json: strings and their ids by Hugging Face's BertTokenizer, over a vocabulary made
here. Run by hand (`python tests/tokenizers/make_golden.py`); needs transformers."""

import json
import random
import tempfile
from pathlib import Path

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CHARACTERS = list("我们在北京看书，。！？：；（）《》“”…—、的了一二三今天气好") + list(
    "豈丽﹏～￥℃"
)
PIECES = (
    "play ##ing un ##aff ##able caf ##e cafe straße ##s the 3 ##14 2024 . , ' - [ ] ## # ! ? : ;"
)
LETTERS = [prefix + c for prefix in ("", "##") for c in "abcdeimnopstu019ABCπσςñéıßあガ한ᄒ"]
WORDS = (
    [
        "playing",
        "Playing",
        "UNAFFABLE",
        "unaffable",
        "café",
        "CAFE\u0301",
        "naïve",
        "straße",
        "STRASSE",
    ]
    + [
        "[MASK]",
        "[SEP]",
        "[mask]",
        "##ing",
        "3.14",
        "2024年",
        "it's",
        "a-b",
        "e.g.",
        "½",
        "①",
        "Ａ１",
    ]
    + [
        "我们在北京",
        "北京。",
        "《看书》",
        "今天天气好！",
        "“好”",
        "……",
        "——",
        "豈",
        "丽",
        "﹏﹏",
        "～",
    ]
    + [
        "İstanbul",
        "ΣΊΣΥΦΟΣ",
        "ﬁ",
        "Å",
        "K",
        "≠",
        "한국",
        "각",
        "ガ",
        "ｶﾞ",
        "x\u0323\u0307",
        "\u0301",
    ]
    + [
        "😀",
        "👨\u200d👩\u200d👧",
        "\ufeffa",
        "a\u200bb",
        "a\u00adb",
        "\u202eabc",
        "a\x00b",
        "a\ufffdb",
    ]
    + [
        "a\u3000b",
        "a\u00a0b",
        "a\u2028b",
        "a\x85b",
        "a\x0bb",
        "\t",
        "\r\n",
        "\ue000",
        "p\u302e\u0301m",
    ]
    + [
        "a" * 100,
        "a" * 101,
        "\u2e43a",
        "A\u08e2b",
        "a\u166db",
        "a\U000111c9b",
        "𠀀b",
        "a\U00020000",
    ]
)
OUT = Path(__file__).with_name("golden.json")


def main():
    from transformers import BertTokenizer

    vocab = list(dict.fromkeys(SPECIAL + CHARACTERS + PIECES.split(" ") + LETTERS))
    draw = random.Random(0)
    texts = [""] + WORDS
    while len(texts) < 210:
        words = draw.choices(WORDS, k=draw.randint(2, 6))
        texts.append("".join(word + draw.choice(["", "", " "]) for word in words))
    golden = {"vocab": vocab, "texts": texts}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vocab.txt")
        path.write_text("\n".join(vocab) + "\n", encoding="utf-8")
        for lower in (True, False):
            for typed in (True, False):
                backend = BertTokenizer(str(path), do_lower_case=lower).backend_tokenizer
                backend.encode_special_tokens = not typed  # Hugging Face: encode them as text
                name = ("lower" if lower else "cased") + ("_special" if typed else "")
                golden[name] = [backend.encode(text).ids for text in texts]
    lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items())
    OUT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
