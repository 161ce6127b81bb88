"""Reading comprehension: a reader of SQuAD's form, and generated passages about people.

CMRC 2018 (Cui et al., arXiv 1810.07366) has the form of SQuAD (Rajpurkar et al., arXiv 1606.05250).
The generated questions are easy enough for a small model to learn in a minute.
"""

import json
from typing import NamedTuple

from kerasx.datasets.draw import draw_distinct
from kerasx.datasets.tagged_texts import fill_slot
from kerasx.files.lines import parse_all, reason_of

_SCHOOLS = "清华大学 复旦大学 浙江大学 南京大学 武汉大学 中山大学 四川大学 厦门大学"
_JOBS = "工程师 教授 经理 医生 记者 会计 编辑 律师 设计师"
_HOBBIES = "下围棋 打篮球 弹钢琴 爬山 摄影 游泳 写诗 画画 钓鱼"
_PRIZES = "金桥奖 长风奖 启明奖 海棠奖 银杏奖 新星奖"
_CITIES = "北京 上海 广州 成都 杭州 武汉 南京 西安 苏州 长沙 青岛 大连 昆明 厦门 石家庄 哈尔滨"
# for each kind of fact: its values (None: years), wordings of the statement and of the question
_FACTS = (
    (_CITIES, ("出生在{}", "老家在{}", "是{}人"), ("{}是哪里人？", "{}出生在什么地方？")),
    (_CITIES, ("现在住在{}", "后来搬到了{}"), ("{}现在住在哪里？", "{}搬到了哪座城市？")),
    (_SCHOOLS, ("毕业于{}", "曾在{}读书"), ("{}毕业于哪所学校？", "{}在哪里上的大学？")),
    (_SCHOOLS, ("在{}任教", "后来到{}讲课"), ("{}在哪所大学任教？", "{}到哪里讲课？")),
    (_JOBS, ("是一名{}", "做过三年{}"), ("{}做什么工作？", "{}的职业是什么？")),
    (_HOBBIES, ("喜欢{}", "空闲的时候常常{}"), ("{}的爱好是什么？", "{}空闲的时候做什么？")),
    (_PRIZES, ("得过{}", "因为成绩突出获得{}"), ("{}得过什么奖？", "{}获得了哪个奖项？")),
    (None, ("生于{}", "{}出生"), ("{}是哪一年出生的？", "{}生于什么时候？")),
    (None, ("{}参加工作", "从{}开始工作"), ("{}是哪一年参加工作的？", "{}什么时候开始工作？")),
)


class Question(NamedTuple):
    """A question and the parts of a passage that answer it."""

    id: str
    passage: str
    question: str
    answers: tuple  # of (text, start), with passage[start : start + len(text)] == text


def read_squad(path, errors="raise"):
    """Read the questions of a JSON file in the form of SQuAD 1.1, such as CMRC 2018.

    The form is {"data": [{"paragraphs": [{"context", "qas": [{"id", "question", "answers":
    [{"text", "answer_start"}]}]}]}]}; other keys are ignored.

    Args:
        path: a UTF-8 file.
        errors: `"raise"` stops at a bad question; `"skip"` leaves bad questions out and warns
            once, see `read_lines`.

    Returns:
        List of `Question(id, passage, question, answers)`, in the order of the file.

    Raises:
        ValueError: a question, named by its id, that is empty, has no answer, or an answer that is
            not in its passage at `answer_start`; with "skip", more than 1 % of them; another form
            of file, or no questions.

    >>> import os, tempfile
    >>> answer = {"text": "北京", "answer_start": 3}
    >>> qas = [{"id": "Q1", "question": "他住在哪里？", "answers": [answer]}]
    >>> data = {"data": [{"paragraphs": [{"context": "他住在北京。", "qas": qas}]}]}
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write(json.dumps(data).encode())
    >>> read_squad(file.name)[0].answers
    (('北京', 3),)
    >>> os.unlink(file.name)
    """

    def parse(entry):
        return _checked(*entry)

    def described(number, entry, error):
        return f"{path}: {error}"

    return parse_all(path, enumerate(_entries(path)), parse, errors, described, "questions")


def generate_questions(n, seed=0, exclude=()):
    """Generate `n` Chinese questions on passages that each state some facts about one person.

    The questions depend on the arguments alone, and a shorter list is the start of a longer one.
    Where a passage has two places, schools or years, the words around them tell the answer.

    Args:
        n: int, the number of questions.
        seed: int.
        exclude: passages that must not occur, such as those of a test set.

    Returns:
        List of `Question(id, passage, question, answers)` with one answer each, no passage twice.

    Raises:
        ValueError: a bad argument, or fewer than `n` new passages can be made.

    >>> question = generate_questions(1)[0]
    >>> (text, start), *_ = question.answers
    >>> question.passage[start : start + len(text)] == text
    True
    """
    drawn = draw_distinct(n, seed, _draw_question, lambda x: x.passage, exclude, "passages")
    return [x._replace(id=f"{seed}-{i}") for i, x in enumerate(drawn)]


def _draw_question(draw):
    name, passage, answers = fill_slot(draw, "{PER}"), "", []
    for i, (values, wordings, questions) in enumerate(draw.shuffled(_FACTS)[: draw.number(4, 6)]):
        value = draw.choice(values.split()) if values else f"{draw.number(1950, 1999)}年"
        passage += ("。他", "，", "，")[i % 3] if i else name
        before, after = draw.choice(wordings).split("{}")
        answers.append((draw.choice(questions).format(name), (value, len(passage + before))))
        passage += before + value + after
    question, answer = draw.choice(answers)
    return Question("", passage + "。", question, (answer,))


def _entries(path):
    """Return the list of (passage, entry) of all questions in the file."""
    with open(path, encoding="utf-8-sig") as file:
        try:
            data = json.load(file)["data"]
            paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]]
            return [(p["context"], entry) for p in paragraphs for entry in p["qas"]]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            reason = f"{type(error).__name__}: {reason_of(error)}"
            raise ValueError(f"{path}: must be JSON in the form of SQuAD. {reason}") from error


def _checked(passage, entry):
    """Return the `Question` of an entry; errors name its id."""
    name = entry.get("id") if isinstance(entry, dict) else None
    which = f"question {name!r:.80}"
    try:
        question = entry["question"]
        answers = tuple((x["text"], x["answer_start"]) for x in entry["answers"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{which} must have text and answers: {error!r:.80}") from error
    strings = (name, passage, question, *(text for text, _ in answers))
    if not answers or not all(isinstance(x, str) and x.strip() for x in strings):
        raise ValueError(
            f"{which} must have an id, a passage, a text and answers, none of them "
            f"empty. Received: question={question!r:.80}, answers={answers!r:.80}"
        )
    for text, start in answers:
        if not isinstance(start, int) or start < 0 or not passage.startswith(text, start):
            raise ValueError(
                f"{which} must have answers that are in the passage at `answer_start`. "
                f"Received: {text!r:.80} at {start}, first found at {passage.find(text)}"
            )
    return Question(name, passage, question, answers)
