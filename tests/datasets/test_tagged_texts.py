"""CoNLL files and files of words are read, and generated sentences are reproducible."""

import pytest

from kerasx.datasets import generate_entities, generate_segmented, read_conll, read_segmented
from kerasx.files.lines import read_blocks
from kerasx.spans import spans_to_tags

pytestmark = pytest.mark.backend_free


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "data.txt"
        path.write_bytes(content.encode("utf-8"))
        return str(path)

    return write


def test_sentences_end_at_blank_lines_and_at_the_end(file):
    content = "\ufeff我\tO\r\n\r\n\r\n你 X B-PER\r\n好 X I-PER"
    assert read_conll(file(content)) == [(["我"], ["O"]), (["你", "好"], ["B-PER", "I-PER"])]


def test_characters_of_words_carry_their_place(file):
    content = "10\tO\n21\tO\n哈10\tO\n哈0\tB-X\n"
    (characters, tags, words), *_ = read_conll(file(content), segmented=True)
    assert characters == ["1", "2", "哈", "哈"] and words == ["12哈", "哈"] and tags[-1] == "B-X"


@pytest.mark.parametrize(
    "content, match",
    [
        ("我0\tO\n\n你0\n", "data.txt:3: must have a token and a tag. Received: '你0'"),
        ("我0\tO\n你\tO\n", "data.txt:2: must begin with a character and its place"),
        ("\n \n", "no examples in"),
    ],
)
def test_bad_lines_are_named(file, content, match):
    with pytest.raises(ValueError, match=match):
        read_conll(file(content), segmented=True)


def test_blocks_are_parsed_line_by_line(file):
    assert read_blocks(file("1\n2\n\n3\n"), int) == [[1, 2], [3]]


def test_words_are_separated_by_any_spaces(file):
    assert read_segmented(file("共同  创造\r\n\n 美好 的\u3000\n")) == [
        ["共同", "创造"],
        ["美好", "的"],
    ]


def test_generated_sentences_are_read_as_they_were_written(file):
    sentences = generate_segmented(200)
    assert read_segmented(file("\r\n".join(map("  ".join, sentences)))) == sentences
    blocks = [
        "\n".join(f"{c}{i}\tO" for x in words for i, c in enumerate(x)) for words in sentences
    ]
    read = read_conll(file("\n\n".join(blocks)), segmented=True)
    assert [words for *_, words in read] == sentences
    assert [characters for characters, *_ in read] == [list("".join(x)) for x in sentences]
    tagged = [(list(x.text), spans_to_tags(x.spans, len(x.text))) for x in generate_entities(200)]
    blocks = ["\n".join(map(" ".join, zip(*sentence))) for sentence in tagged]
    assert read_conll(file("\n\n".join(blocks))) == tagged


@pytest.mark.parametrize("generate", [generate_entities, generate_segmented])
def test_generated_sentences_are_the_same_for_a_seed_and_none_twice(generate):
    sentences = generate(500, seed=3)
    assert generate(0) == [] and sentences[:50] == generate(50, seed=3) != generate(50, seed=4)
    assert len({str(x) for x in sentences}) == 500
    with pytest.raises(ValueError, match="Received: n=-1"):
        generate(-1)


def test_generated_spans_are_flat_and_within_their_text():
    sentences = generate_entities(500)
    for text, spans in sentences:
        assert len(spans_to_tags(spans, len(text))) == len(text)
    assert {label for _, spans in sentences for *_, label in spans} == {"PER", "LOC", "ORG"}
    assert any(not spans for _, spans in sentences)


def test_generated_words_are_ambiguous():
    words = {word for words in generate_segmented(500) for word in words}
    assert {"研究", "研究生", "大学", "大学生", "学生"} <= words
