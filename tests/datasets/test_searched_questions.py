"""Questions with several passages: WebQA's files are read, made-up ones have one answer each."""

import json

import pytest

from kerasx.datasets.searched_questions import generate_searched_questions, read_webqa

pytestmark = pytest.mark.backend_free
ENTRY = {"id": 7, "question": "他住在哪里？", "passages": [{"passage": "北京。", "answer": None}]}


@pytest.fixture
def write(tmp_path):
    """Return a function that writes JSON to a file and returns its path."""

    def write(value):
        path = tmp_path / "webqa.json"
        path.write_text(json.dumps(value), "utf-8")
        return path

    return write


def test_a_passage_without_an_answer_has_an_empty_one(write):
    assert read_webqa(write([ENTRY])) == [("7", "他住在哪里？", (("北京。", ""),))]


@pytest.mark.parametrize(
    "wrong", [{"passages": []}, {"question": " "}, {"passages": [{"passage": "", "answer": ""}]}]
)
def test_an_empty_question_is_named_by_its_number(write, wrong):
    with pytest.raises(ValueError, match="webqa.json: question number 1: must have a text"):
        read_webqa(write([ENTRY, {**ENTRY, **wrong}]))


@pytest.mark.parametrize("value", [{}, "text"])
def test_another_form_is_refused(write, value):
    with pytest.raises(ValueError, match="must be a JSON list of questions"):
        read_webqa(write(value))


def test_made_up_questions_have_one_passage_with_the_answer():
    questions = generate_searched_questions(20, passages=3)
    for x in questions:
        (found,) = [pair for pair in x.passages if pair[1]]
        assert found[1] in found[0] and len(x.passages) == 3
    passages = [passage for x in questions for passage, _ in x.passages]
    assert len(set(passages)) == 60
    assert generate_searched_questions(0) == []
