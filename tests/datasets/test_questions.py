"""Questions: files in the form of SQuAD are read, and generated answers are in their passage."""

import json

import pytest

from kerasx.datasets import generate_questions, read_squad

pytestmark = pytest.mark.backend_free


@pytest.fixture
def write(tmp_path):
    """Return a function that writes questions on one passage to a file and returns its path."""

    def write(*entries, passage="他住在北京。"):
        path = tmp_path / "squad.json"
        data = {"data": [{"paragraphs": [{"context": passage, "qas": entries}]}]}
        path.write_text(json.dumps(data), "utf-8")
        return path

    return write


def entry(text="北京", start=3, name="Q1", question="他住在哪里？"):
    return {"id": name, "question": question, "answers": [{"text": text, "answer_start": start}]}


def test_no_question_is_an_empty_list():
    assert generate_questions(0) == []


def test_a_shorter_list_is_the_start_of_a_longer_one_and_no_passage_comes_twice():
    questions = generate_questions(500, seed=3)
    passages = {x.passage for x in questions}
    assert generate_questions(20, seed=3) == questions[:20] and len(passages) == 500
    assert not passages & {x.passage for x in generate_questions(50, seed=3, exclude=passages)}


def test_made_up_answers_are_where_they_say():
    for _, passage, question, ((text, start),) in generate_questions(500):
        assert text and passage[start : start + len(text)] == text
        assert question[:2] == passage[:2]  # the person


def test_a_file_is_read_in_its_order(write):
    first, second = read_squad(write(entry(), entry("住", 1, "Q2", "谁？")))
    assert first == ("Q1", "他住在北京。", "他住在哪里？", (("北京", 3),))
    assert second.id == "Q2"


@pytest.mark.parametrize(
    "text, start", [("北京", 2), ("北京", -3), ("上海", 3), ("北京。。", 3), ("北京", None)]
)
def test_an_answer_that_is_not_there_is_named_by_its_question(write, text, start):
    with pytest.raises(ValueError, match="question 'Q7' must have .*answers"):
        read_squad(write(entry(), entry(text, start, "Q7")))


@pytest.mark.parametrize(
    "wrong", [{"answers": []}, {"question": " "}, {"question": None}, {"answers": None}]
)
def test_a_question_that_lacks_something_is_named(write, wrong):
    with pytest.raises(ValueError, match="question 'Q7' must have"):
        read_squad(write(entry(), {**entry(name="Q7"), **wrong}))


def test_an_empty_passage_is_refused(write):
    with pytest.raises(ValueError, match="question 'Q1' must have an id, a passage"):
        read_squad(write(entry(), passage=""))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"data": [{"paragraphs": 3}]}', "\x00", "[" * 10**5]
)
def test_another_form_is_refused(tmp_path, content):
    (tmp_path / "x.json").write_text(content, "utf-8")
    with pytest.raises(ValueError, match="x.json: must be JSON in the form of SQuAD"):
        read_squad(tmp_path / "x.json")


def test_a_file_without_questions_is_refused(write):
    with pytest.raises(ValueError, match="no examples in"):
        read_squad(write())


def test_bad_questions_are_skipped_where_they_are_few(write):
    path = write(*[entry()] * 100, entry("上海"))
    with pytest.warns(UserWarning, match="1 of 101 questions skipped"):
        assert len(read_squad(path, errors="skip")) == 100
    with pytest.raises(ValueError, match="more than 1% of the questions are bad, 1 of 2"):
        read_squad(write(entry(), entry("上海")), errors="skip")


def test_an_error_quotes_little_of_a_long_question(write):
    for wrong in ({"answers": None}, {"question": " "}, {"id": "Q" * 10**6, "question": None}):
        with pytest.raises(ValueError) as error:
            read_squad(write({**entry(name="Q" * 10**6), **wrong}))
        assert len(str(error.value)) < 600
