"""A small vocabulary, the shared data, and strings of every sort."""

import json
from pathlib import Path

import pytest
from hypothesis import strategies as st

from kerasx.tokenizers import Tokenizer

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text(encoding="utf-8"))
TOKEN_DICT = {token: i for i, token in enumerate(GOLDEN["vocab"])}
SHARED = Path(__file__).parents[3] / "shared" / "data"

# Every code point of the planes in use, and each 101st of the rest, unassigned or private alike.
CODES = [*range(0x32000), *range(0x32000, 0xE0000, 101), *range(0xE0000, 0xE0200)]
CODES += range(0xE0200, 0x110000, 101)

# Any code point, surrogates included, with those that have given trouble drawn more often.
TROUBLE = "我们 a\u0301\u0323\u302e\u302f각\ud800\udfff\x00\u200d\ufe0f\u034f😀İΣ豈[CLSMAK]#\n,。3"
ANY_TEXT = st.text(st.one_of(st.characters(), st.sampled_from(TROUBLE)), max_size=30)


def tokenizer(**options):
    return Tokenizer(TOKEN_DICT, **{"do_lower_case": True, **options})


def shared(path):
    if not (SHARED / path).exists():
        pytest.skip(f"shared/data/{path} not found beside the repository")
    return SHARED / path


def lines(path, limit=None):
    return shared(path).read_text(encoding="utf-8").split("\n")[:limit]
