"""Questions with the passages that a search found for them, of which some hold the answer.

The form is that of WebQA and SogouQA (github.com/bojone/dgcnn_for_reading_comprehension).
"""

import json
from typing import NamedTuple

from kerasx.checks import check_integer
from kerasx.datasets.questions import generate_questions
from kerasx.datasets.reviews import generate_reviews
from kerasx.files.lines import parse_all, reason_of


class SearchedQuestion(NamedTuple):
    """A question and passages, each with its answer, "" where it has none."""

    id: str
    question: str
    passages: tuple  # of (text, answer)


def read_webqa(path, errors="raise"):
    """Read the questions of a JSON file in the form of WebQA and SogouQA.

    The form is [{"id", "question", "passages": [{"passage", "answer"}]}]; other keys are ignored.

    Args:
        path: a UTF-8 file.
        errors: `"raise"` stops at a bad question; `"skip"` leaves bad questions out and warns
            once, see `read_lines`.

    Returns:
        List of `SearchedQuestion(id, question, passages)`, in the order of the file.

    Raises:
        ValueError: a question, named by its number, without text or passages; with "skip", more
            than 1 % of them; another form of file, or no questions.

    >>> import os, tempfile
    >>> passages = [{"passage": "他住在北京。", "answer": "北京"}, {"passage": "早", "answer": ""}]
    >>> data = [{"id": "Q1", "question": "他住在哪里？", "passages": passages}]
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write(json.dumps(data).encode())
    >>> read_webqa(file.name)[0].passages
    (('他住在北京。', '北京'), ('早', ''))
    >>> os.unlink(file.name)
    """

    def described(number, entry, error):
        return f"{path}: question number {number}: {reason_of(error)}"

    return parse_all(path, enumerate(_entries(path)), _parsed, errors, described, "questions")


def generate_searched_questions(n, passages=2, seed=0):
    """Generate `n` Chinese questions, each with a passage that answers it and hotel reviews.

    The questions depend on the arguments alone.

    Args:
        n: int, the number of questions.
        passages: int, the number of passages of a question.
        seed: int.

    Returns:
        List of `SearchedQuestion(id, question, passages)`, no passage twice.

    Raises:
        ValueError: a bad argument, or fewer than `n` questions can be made.

    >>> question = generate_searched_questions(1, passages=3)[0]
    >>> sorted(answer != "" for _, answer in question.passages)
    [False, False, True]
    """
    check_integer("passages", passages, least=1)
    reviews = generate_reviews(n * (passages - 1), seed)
    found = []
    for i, asked in enumerate(generate_questions(n, seed)):
        others = [(review.text, "") for review in reviews[i::n]]
        others.insert(i % passages, (asked.passage, asked.answers[0][0]))
        found.append(SearchedQuestion(asked.id, asked.question, tuple(others)))
    return found


def _entries(path):
    with open(path, encoding="utf-8-sig") as file:
        try:
            entries = json.load(file)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}: must be JSON. {reason_of(error)}") from error
    if not isinstance(entries, list):
        raise ValueError(f"{path}: must be a JSON list of questions, as WebQA's")
    return entries


def _parsed(entry):
    question, passages = entry["question"], entry["passages"]
    rows = tuple((x["passage"], x["answer"] or "") for x in passages)
    texts = (question, *(text for text, _ in rows))
    if not rows or not all(isinstance(x, str) and x.strip() for x in texts):
        raise ValueError("must have a text and passages, none of them empty")
    return SearchedQuestion(str(entry["id"]), question, rows)
