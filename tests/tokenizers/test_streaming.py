import random

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.tokenizers import HuggingFaceTokenizer, SpTokenizer, TextStream, train_sentencepiece
from kerasx.tokenizers.base import TokenizerBase
from tests.tokenizers.common import TOKEN_DICT, corpus, tokenizer

pytestmark = pytest.mark.backend_free
EMOJI = "好😀吗👨\u200d👩\u200d👧é"


class Foreign(TokenizerBase):
    """A tokenizer of one's own, of which only `decode` and `id_to_token` are known."""

    def __init__(self, backend):
        super().__init__(None, None)
        self.backend, self.decoded = backend, 0

    def encode(self, text):
        return self.backend.encode(text).ids, None

    def id_to_token(self, i):
        return self.backend.id_to_token(i) or ""

    def decode(self, ids):
        self.decoded += len(ids)
        return self.backend.decode(ids)


def byte_level():
    backend = tokenizers.Tokenizer(tokenizers.models.BPE())
    backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet)
    backend.train_from_iterator(corpus("reviews")[:100], trainer)
    return Foreign(backend)


def byte_fallback():
    """Return a tokenizer as Llama's: "▁" for spaces, and bytes for unknown characters."""
    pieces = ["<unk>", *(f"<0x{i:02X}>" for i in range(256)), "▁", *"abcde我们好"]
    model = tokenizers.models.BPE(
        {p: i for i, p in enumerate(pieces)}, [], unk_token="<unk>", byte_fallback=True
    )
    backend = tokenizers.Tokenizer(model)
    backend.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    steps = tokenizers.decoders
    backend.decoder = steps.Sequence(
        [steps.Replace("▁", " "), steps.ByteFallback(), steps.Fuse(), steps.Strip(" ", 1, 0)]
    )
    return Foreign(backend)


def word_piece():
    backend = tokenizers.Tokenizer(tokenizers.models.WordPiece(TOKEN_DICT, unk_token="[UNK]"))
    backend.decoder = tokenizers.decoders.WordPiece()
    backend.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return Foreign(backend)


@pytest.fixture(scope="module")
def sentence_piece(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("sp") / "tiny.model")
    train_sentencepiece(corpus("reviews"), path, vocab_size=600)
    return SpTokenizer(path)


KINDS = ["kerasx", "sentencepiece", "byte level", "byte fallback", "WordPiece", "tokenizers"]


@pytest.fixture(params=KINDS)
def any_tokenizer(request, sentence_piece):
    if request.param == "sentencepiece":
        return sentence_piece
    makers = {"byte level": byte_level, "byte fallback": byte_fallback, "WordPiece": word_piece}
    makers["tokenizers"] = lambda: HuggingFaceTokenizer(byte_fallback().backend)
    return makers.get(request.param, tokenizer)()


def pieces_of(stream, ids, sizes):
    pieces, start = [], 0
    for size in sizes:
        pieces.append(stream.push(ids[start : start + size]))
        start += size
    return [*pieces, stream.push(ids[start:]), stream.end()]


def test_the_pieces_are_the_text_and_are_never_taken_back(any_tokenizer):
    draw = random.Random(0)
    size = (
        269
        if isinstance(any_tokenizer, (Foreign, HuggingFaceTokenizer))
        else any_tokenizer.vocab_size
    )
    for n in (0, 1, 2, 3, 5, 8, 40, 200):
        for _ in range(20):
            ids = [draw.randrange(size) for _ in range(n)]
            sizes = [draw.choice([1, 1, 1, 2, 30]) for _ in range(n)]
            assert "".join(pieces_of(TextStream(any_tokenizer), ids, sizes)) == (
                any_tokenizer.decode(ids)
            )


def test_no_piece_ends_in_half_a_character(any_tokenizer):
    ids = any_tokenizer.encode(EMOJI * 20)[0]
    pieces = pieces_of(TextStream(any_tokenizer), ids, [1] * len(ids))
    assert "".join(pieces) == any_tokenizer.decode(ids)
    assert not any("\ufffd" in piece for piece in pieces)


def test_wordpiece_waits_only_where_a_space_is_open():
    t = tokenizer()
    stream = TextStream(t)
    pieces = [stream.push([i]) for i in t.encode("我们在北京，playing 看书。")[0]]
    assert pieces == ["", "我", "们", "在", "北", "京", "，", "", "", "playing看", "书", "。", ""]
    assert stream.end() == ""


@pytest.mark.parametrize("make", [byte_level, byte_fallback, word_piece])
def test_the_work_is_proportional_to_the_number_of_ids(make):
    foreign = make()
    ids = foreign.encode(EMOJI.join(corpus("reviews")[:60]))[0][:2000]
    pieces_of(TextStream(foreign), ids, [1] * len(ids))
    assert foreign.decoded < 60 * len(ids)


def test_arrays_are_taken_and_ids_beyond_the_vocabulary_passed_over():
    stream = TextStream(tokenizer())
    ids = np.array([TOKEN_DICT["我"], 10**6, -1, TOKEN_DICT["们"]])
    assert stream.push(ids) + stream.end() == "我们"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, len(TOKEN_DICT) - 1), max_size=30), st.integers(1, 4))
def test_any_ids_of_wordpiece_give_their_text(ids, size):
    t = tokenizer()
    assert "".join(pieces_of(TextStream(t), ids, [size] * len(ids))) == t.decode(ids)
