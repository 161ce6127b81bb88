"""The time for a text is proportional to its length, whatever it is made of."""

import random
import time

import pytest

from kerasx.spans import token_spans
from kerasx.tokenizers import JiebaCut, SpTokenizer, TextStream, Tokenizer, jieba_cut
from kerasx.tokenizers import train_sentencepiece as train
from tests.tokenizers.common import corpus, tokenizer

pytestmark = pytest.mark.backend_free
DRAW = random.Random(0)


def drawn(characters, n):
    return "".join(DRAW.choices(characters, k=n))


def repeated(unit):
    return lambda n: unit * (n // len(unit.encode()))


# functions from a number of bytes to a text of about as many
TEXTS = {
    "random bytes": lambda n: bytes(DRAW.choices(range(256), k=n)).decode("latin-1"),
    "broken UTF-8": lambda n: bytes(DRAW.choices(range(256), k=n)).decode("utf-8", "replace"),
    "any characters": lambda n: drawn([chr(c) for c in range(0x20, 0x32000, 3)], n // 3),
    "one letter": repeated("a"),
    "marks of two classes": lambda n: "a" + "\u0301\u0316" * (n // 4) + "\u1df6",
    "marks that stay": repeated("\u302e\u302f"),
    "letters with marks": repeated("a\u302e\u0301\u1df6"),
    "Hangul": repeated("각"),
    "jamo": repeated("\u1100\u1161\u11a8"),
    "emoji": repeated("👨\u200d👩\u200d👧"),
    "spaces": repeated(" "),
    "removed characters": repeated("\x00"),
    "digits": repeated("0123456789"),
    "punctuation": repeated("'\"."),
    "special tokens": repeated("[CLS]"),
    "Chinese": lambda n: drawn([chr(c) for c in range(0x4E00, 0x9FA5)], n // 3),
    "Chinese and Latin": repeated("a我"),
    "long words": lambda n: " ".join(drawn("abcdefgh", 199) for _ in range(n // 200)),
    "short words": lambda n: " ".join(drawn("abcdefgh", 4) for _ in range(n // 5)),
    "mixed": lambda n: drawn("我们a b.c，1\u0301각😀[CLS]", n // 2),
}


def seconds(function, text, **options):
    start = time.process_time()
    function(text, **options)
    return time.process_time() - start


def makers():
    """Return functions that make a tokenizer with empty caches."""
    return {
        "WordPiece": tokenizer,
        "special": lambda: tokenizer(encode_special_tokens=True),
        "cased": lambda: tokenizer(do_lower_case=False),
        "jieba": lambda: tokenizer(pre_tokenize=jieba_cut),
    }


def tasks():
    t = tokenizer()
    yield lambda text: t.encode(text, maxlen=512, truncate_from="left")
    yield lambda text: t.rematch(text, t.tokenize(text))
    yield lambda text: t.decode(t.encode(text)[0])
    spans = [(0, 1, "x")]
    yield lambda text: token_spans(text, spans, t.tokenize_with_offsets(text)[1], errors="skip")
    for make in makers().values():
        yield make().encode


@pytest.mark.parametrize("name", TEXTS)
def test_a_long_text_of_any_kind_is_read_in_linear_time(name):
    jieba_cut("好")  # loads the dictionary
    short, long = TEXTS[name](1 << 12), TEXTS[name](1 << 16)
    for task in tasks():  # linear is 16 times, quadratic 256; a second for a busy machine
        assert seconds(task, long) < 40 * seconds(task, short) + 1


@pytest.mark.slow("a megabyte of each of twenty kinds, for three kinds of tokenizers")
@pytest.mark.parametrize("name", TEXTS)
def test_a_megabyte_takes_two_seconds_and_twice_the_length_twice_the_time(name, tmp_path):
    jieba_cut("好")
    train(corpus("reviews"), tmp_path / "tiny.model", vocab_size=600)
    half, whole = TEXTS[name](1 << 19), TEXTS[name](1 << 20)
    made = {**makers(), "sentencepiece": lambda: SpTokenizer(tmp_path / "tiny.model")}
    made["user words"] = lambda: tokenizer(pre_tokenize=JiebaCut(["天气很好"]))
    for make in made.values():
        for maxlen in (None, 512):
            times = [seconds(make().encode, text, maxlen=maxlen) for text in (half, whole)]
            assert times[1] < 2.5 * times[0] + 0.2
            assert times[1] < 2 or make is made["user words"]  # jieba in Python: linear, but slow


def test_the_longest_piece_costs_nothing_where_it_does_not_fit():
    tokens = ["[UNK]", "a" * 10**6, *(f"##{'a' * n}" for n in range(1, 30))]
    with pytest.raises(ValueError, match="word_maxlen.*1001"):
        Tokenizer({t: i for i, t in enumerate(tokens)}, word_maxlen=10**9, token_start=None)
    t = Tokenizer({t: i for i, t in enumerate(tokens)}, token_start=None, token_end=None)
    assert seconds(t.encode, "a" * 20000) < 0.2 and seconds(t.encode, "ab " * 7000) < 0.5


def test_a_stream_is_linear():
    t = tokenizer()
    ids = t.encode("我们在北京，it's playing. " * 2000)[0]
    stream = TextStream(t)
    start = time.process_time()
    text = "".join([*(stream.push([i]) for i in ids), stream.end()])
    assert text == t.decode(ids) and time.process_time() - start < 3
