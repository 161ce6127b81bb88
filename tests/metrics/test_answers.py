"""Answers: exact match without punctuation, F1 of the common substring or words."""

import itertools
import random
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.metrics import answer_f1, answer_scores, exact_match

pytestmark = pytest.mark.backend_free

UNITS = st.sampled_from(("character", "word"))
ANSWERS = st.text("北京上海a b1.。《》", max_size=10)


def longest_piece(a, b):
    """Find the longest common substring by trying every slice."""
    slices = (a[i:j] for i in range(len(a)) for j in range(i + 1, len(a) + 1))
    return max((len(s) for s in slices if s in b), default=0)


@settings(max_examples=80, deadline=None)
@given(a=st.text("北京上海", max_size=8), b=st.text("北京上海", max_size=8))
def test_f1_by_character_is_of_the_longest_common_slice(a, b):
    expected = 2 * longest_piece(a, b) / (len(a) + len(b)) if a and b else float(a == b)
    assert answer_f1(a, b) == pytest.approx(expected)


def squad_f1(a, b):
    """Compute the F1 of SQuAD from its description."""
    ours, theirs = (
        re.sub(r"\b(a|an|the)\b", " ", "".join(c for c in x.lower() if c not in string.punctuation))
        for x in (a, b)
    )
    ours, theirs = ours.split(), theirs.split()
    if not ours or not theirs:
        return float(ours == theirs)
    common = sum(min(ours.count(w), theirs.count(w)) for w in {*ours, *theirs})
    p, r = common / len(ours), common / len(theirs)
    return 2 * p * r / (p + r) if common else 0.0


@pytest.mark.parametrize(
    "a, b",
    itertools.combinations(
        ["", "the", "The U.S. Army!", "army of the us", "a a b", "b, b; a", "Ann"], 2
    ),
)
def test_f1_by_word_is_of_the_words_in_common(a, b):
    assert answer_f1(a, b, "word") == pytest.approx(squad_f1(a, b))


@pytest.mark.parametrize(
    "answer, reference, expected",
    [
        ("1998年", "在1998年夏天", 4 / 7),  # a number is one token
        ("iPhone 4S手机", "iphone 4s", 4 / 6),
        ("约3.14", "3.14", 2 / 3),
        ("3,000人", "3，000人", 0.5),  # 3,000 is one token, and not 3000
        ("《红楼梦》", "红楼梦", 1.0),
        ("(红楼梦)", "红楼梦", 0.75),  # ASCII brackets count in CMRC 2018
    ],
)
def test_tokens_are_chinese_characters_and_other_words(answer, reference, expected):
    assert answer_f1(answer, reference) == pytest.approx(expected)


@settings(max_examples=80, deadline=None)
@given(a=ANSWERS, b=ANSWERS, unit=UNITS)
def test_f1_is_symmetric_bounded_and_1_for_what_is_exact(a, b, unit):
    assert answer_f1(a, b, unit) == answer_f1(b, a, unit)
    assert 0 <= answer_f1(a, b, unit) <= 1
    assert answer_f1(a, a, unit) == 1 and exact_match(a, a, unit)
    assert not exact_match(a, b, unit) or answer_f1(a, b, unit) == 1


@settings(max_examples=40, deadline=None)
@given(a=ANSWERS, references=st.lists(ANSWERS, min_size=1, max_size=4), unit=UNITS)
def test_the_nearest_reference_counts(a, references, unit):
    assert answer_f1(a, references, unit) == max(answer_f1(a, x, unit) for x in references)
    assert exact_match(a, references, unit) == any(exact_match(a, x, unit) for x in references)


@pytest.mark.parametrize("unit", ["character", "word"])
def test_an_answer_of_nothing_is_right_only_where_nothing_is_asked_for(unit):
    assert (exact_match("", "", unit), answer_f1("", "", unit)) == (True, 1.0)
    assert (exact_match("", "北京", unit), answer_f1("", "北京", unit)) == (False, 0.0)


def test_a_corpus_has_the_share_of_exact_answers_and_the_mean_f1():
    scores = answer_scores(["北京", "上海市", "x"], ["北京", ["沪", "上海"], "广州"])
    assert scores == pytest.approx({"exact": 1 / 3, "f1": (1 + 0.8 + 0) / 3})


@pytest.mark.parametrize("arguments", [("a", []), ("a", [None]), (3, "a"), ("a", "a", "token")])
def test_what_is_no_answer_is_refused(arguments):
    with pytest.raises(ValueError, match="Received: (prediction|unit)="):
        exact_match(*arguments)
    with pytest.raises(ValueError, match="Received: (prediction|unit)="):
        answer_f1(*arguments)


@pytest.mark.parametrize(
    "corpus, match",
    [(([], []), "not be empty"), ((["a"], []), "same length"), (("ab", "ab"), "list of str")],
)
def test_a_corpus_must_have_answers(corpus, match):
    with pytest.raises(ValueError, match=match):
        answer_scores(*corpus)


NLTK = [  # its word rules, one by one, for text in lower case
    (r"([«“‘„]|[`]+)", r" \1 "),
    (r"^\"", r"``"),
    (r"(``)", r" \1 "),
    (r"([ \(\[{<])(\"|\'{2})", r"\1 `` "),
    (r"(\')(?!re|ve|ll|m|t|s|d|n)(\w)\b", r"\1 \2"),
    (r"([^\.])(\.)([\]\)}>\"\'»”’ ]*)\s*$", r"\1 \2 \3 "),
    (r"([:,])([^\d])", r" \1 \2"),
    (r"([:,])$", r" \1 "),
    (r"\.{2,}", r" \g<0> "),
    (r"[;@#$%&]", r" \g<0> "),
    (r"([^\.])(\.)([\]\)}>\"\']*)\s*$", r"\1 \2\3 "),
    (r"[?!]", r" \g<0> "),
    (r"([^'])' ", r"\1 ' "),
    (r"[\]\[\(\)\{\}\<\>]", r" \g<0> "),
    (r"^(.*)$", r" \1 "),
    (r"([»”’])", r" \1 "),
    (r"''", " '' "),
    (r"\"", " '' "),
    (r"\s+", " "),
    (r"([^' ])('s|'m|'d|') ", r"\1 \2 "),
    (r"([^' ])('ll|'re|'ve|n't) ", r"\1 \2 "),
    (r"\b(can)(not)\b", r" \1 \2 "),
]
IGNORED = "-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』"


def cmrc_tokens(text):
    """Cut an answer as the script of CMRC 2018 does, character by character."""
    tokens, other = [], ""
    for character in [*text.lower().strip(), None]:
        if character is not None and character in IGNORED:
            continue
        if character is not None and not "一" <= character <= "龥":
            other += character
            continue
        for sentence in re.split(r"(?<=[.?!])\s+", other):
            for pattern, by in NLTK:
                sentence = re.sub(pattern, by, sentence)
            tokens += sentence.split()
        tokens, other = tokens + [character] * (character is not None), ""
    return tokens


def cmrc_f1(answer, reference):
    a, b = cmrc_tokens(answer), cmrc_tokens(reference)
    slices = (a[i:j] for i in range(len(a)) for j in range(i + 1, len(a) + 1))
    inside = {tuple(b[i:j]) for i in range(len(b)) for j in range(i + 1, len(b) + 1)}
    return 2 * max((len(s) for s in slices if tuple(s) in inside), default=0) / (len(a) + len(b))


def cmrc_match(answer, reference):
    a, b = ("".join(c for c in x.lower().strip() if c not in IGNORED) for x in (answer, reference))
    return a == b


def test_answers_by_character_are_those_of_cmrc_2018():
    """Around numbers, inner punctuation and white space, too."""
    rng, found = random.Random(0), 0
    parts = [
        *"北京上海年",
        *"北京上海年",
        *" 13a.,，。%()'\"-:·~",
        "3.14",
        "1,000",
        "n't",
        "u.s.",
        "。 ",
    ]
    for _ in range(1962):
        a = "".join(rng.choices(parts, k=rng.randrange(1, 9)))
        b = "".join(x if rng.random() < 0.8 else rng.choice(parts) for x in a)
        assert exact_match(a, b) == cmrc_match(a, b)
        if cmrc_tokens(a) and cmrc_tokens(b):
            found += 1
            assert answer_f1(a, b) == pytest.approx(cmrc_f1(a, b)), (a, b)
    assert found > 1800
