"""Papers: CSL's files are read, and generated titles follow from their abstracts."""

import re

import pytest

from kerasx.datasets import Paper, generate_papers, read_papers
from kerasx.datasets.titles import FIELDS

pytestmark = pytest.mark.backend_free

WORDS = {field: [x.split() for x in lists] for field, lists in FIELDS.items()}


@pytest.fixture(scope="module")
def papers():
    return generate_papers(3000, seed=3)


def test_no_paper_is_an_empty_list():
    assert generate_papers(0) == []


@pytest.mark.parametrize("arguments", [(-1,), (1.5,), ("3",), (1, None)])
def test_a_bad_count_or_seed_is_refused(arguments):
    with pytest.raises(ValueError, match="Received: (n|seed)="):
        generate_papers(*arguments)


def test_a_shorter_list_is_the_start_of_a_longer_one(papers):
    assert generate_papers(100, seed=3) == papers[:100]


def test_no_title_comes_twice_nor_one_that_is_excluded(papers):
    titles = {paper.title for paper in papers}
    assert len(titles) == len(papers)
    assert not titles & {paper.title for paper in generate_papers(500, seed=3, exclude=titles)}


def test_what_a_title_names_is_in_the_sentence_in_the_middle(papers):
    words = {word for lists in WORDS.values() for part in lists for word in part}
    longest_first = re.compile("|".join(sorted(words, key=len, reverse=True)))
    for title, abstract in papers:
        opening, middle, closing = abstract.removesuffix("。").split("。")
        named = longest_first.findall(title)
        assert named and all(word in middle for word in named), (title, abstract)


def test_the_beginning_of_an_abstract_is_no_title(papers):
    assert not any(abstract.startswith(title) for title, abstract in papers)


def test_all_fields_and_kinds_of_paper_occur_often(papers):
    for _, objects, *_ in WORDS.values():
        assert sum(any(word in title for word in objects) for title, _ in papers) > 300
    kinds = ("^基于.+方法$", "的应用$", "系统的设计与实现$", "研究综述$", "的影响$", "的比较$")
    counts = [sum(bool(re.search(kind, title)) for title, _ in papers) for kind in kinds]
    assert sum(counts) == len(papers) and min(counts) > 150


def test_a_file_is_read_a_paper_a_line(tmp_path):
    path = tmp_path / "csl.tsv"
    path.write_bytes("\ufeff图像检索综述\t回顾了图像检索。\r\n\n 农业 \t 研究了小麦。 \n".encode())
    assert read_papers(path) == [
        Paper("图像检索综述", "回顾了图像检索。"),
        Paper("农业", "研究了小麦。"),
    ]


@pytest.mark.parametrize("line", ["只有标题", "标题\t", "\t摘要", "标题\t摘要\t关键词"])
def test_a_bad_line_is_named(line, tmp_path):
    path = tmp_path / "csl.tsv"
    path.write_text(f"标题\t摘要\n{line}\n", "utf-8")
    with pytest.raises(ValueError, match=re.escape(f"{path}:2: must have")):
        read_papers(path)


def test_bad_lines_are_skipped_where_they_are_few(tmp_path):
    path = tmp_path / "csl.tsv"
    path.write_text("标题\t摘要\n" * 200 + "只有标题\n", "utf-8")
    with pytest.warns(UserWarning, match="1 of 201 lines skipped"):
        assert len(read_papers(path, errors="skip")) == 200
