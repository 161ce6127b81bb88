"""Entities and word segmentation: readers of CoNLL files and of words, and generated sentences.

A small model can learn from the generated sentences in a minute. Names are composed of parts, so
that most names of a test set were not seen in training.
"""

import re
from typing import NamedTuple

from kerasx.datasets.draw import draw_distinct
from kerasx.files import read_lines
from kerasx.files.lines import read_blocks

_SURNAMES = "王 李 张 刘 陈 杨 黄 赵 周 吴 徐 孙 马 朱 胡 林 郭 何 高 罗 欧阳 司马"
_GIVEN = (
    "伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 涛 明 超 霞 平 刚 建国 志远 晓明 海燕 春华 文静 子涵"
)
_PLACES = "北京 上海 广州 成都 杭州 武汉 南京 西安 苏州 长沙 青岛 大连 昆明 厦门 石家庄 哈尔滨"
_PARTS = "东城 西湖 江北 河口 新华 高新 滨海 临江 凤凰 桃源"
_KINDS = "区 县 镇 路 广场"
_BRANDS = "华星 天元 长风 东方 海泰 中科 金桥 远景 启明 同济"
_TRADES = "科技 医药 汽车 教育 物流 能源 食品"
_BODIES = "公司 集团 研究院 大学 医院 银行"
_TIMES = "昨天 今天 上午 去年 近日 上周 目前"
# words are separated by spaces; {PER}, {LOC} and {ORG} are entities
_ENTITY_FRAMES = (
    "{time} ， {PER} 从 {LOC} 出发 去 {LOC} 开会 。",
    "{PER} 是 {ORG} 的 工程师 ， 住 在 {LOC} 。",
    "{ORG} 在 {LOC} 设立 了 新 的 实验室 。",
    "{time} {ORG} 和 {ORG} 签署 了 合作 协议 。",
    "据 {ORG} 介绍 ， {PER} 已经 回到 {LOC} 。",
    "{PER} 对 {PER} 说 ： “ 我们 在 {LOC} 见 。 ”",
    "{LOC} 的 天气 很 好 ， {PER} 决定 多 住 几天 。",
    "{time} 没有 人 来 ， 大家 都 很 高兴 。",
    "记者 {PER} 在 {LOC} 报道 ： {ORG} {time} 宣布 降价 。",
    "毕业 以后 {PER} 进 了 {ORG} 工作 。",
)
# words that overlap with others, such as 研究, 研究生 and 生命
_NOUNS = (
    "研究 研究生 生命 生活 活动 动力 力量 大学 大学生 学生 中国 国家 家庭 发展 开展 展览 经济 市场"
)
_VERBS = "研究 发展 开展 参加 活动 生活 学习 介绍 组织 了解 解决 决定 提高"
_FRAMES = (
    "{n} 的 {n} 正在 {v} {n} 。",
    "{time} {n} {v} 了 {n} ， {n} 也 {v} 了 {n} 。",
    "他们 {v} {n} 和 {n} 。",
    "{n} {v} {n} 是 {n} 的 {n} 。",
    "{PER} {v} {n} 以后 回到 {LOC} 。",
    "为了 {v} {n} ， {ORG} {time} {v} {n} 。",
)


class TaggedText(NamedTuple):
    """A text and its labelled spans."""

    text: str
    spans: tuple  # of (start, end, label), in characters, in order


def generate_entities(n, seed=0, exclude=()):
    """Generate `n` Chinese sentences with spans of people (PER), places (LOC), organisations (ORG).

    The sentences depend on the arguments alone, and a shorter list is the start of a longer one. A
    place at the start of an organisation's name is no span.

    Args:
        n: int, the number of sentences.
        seed: int.
        exclude: texts that must not occur, such as those of a test set.

    Returns:
        List of `TaggedText(text, spans)`, no text twice.

    Raises:
        ValueError: a bad argument, or fewer than `n` new texts can be made.

    >>> sentence = generate_entities(1)[0]
    >>> {label for _, _, label in sentence.spans} <= {"PER", "LOC", "ORG"}
    True
    """
    return draw_distinct(n, seed, _tagged, lambda sentence: sentence.text, exclude)


def generate_segmented(n, seed=0, exclude=()):
    """Generate `n` Chinese sentences as lists of words, with many ambiguous boundaries.

    Args:
        n, seed, exclude: as in `generate_entities`.

    Returns:
        List of lists of str.

    >>> "".join(generate_segmented(1)[0])[-1]
    '。'
    """
    return draw_distinct(n, seed, _words, "".join, exclude)


def _tagged(draw):
    text, spans = "", []
    for slot in draw.choice(_ENTITY_FRAMES).split():
        word = fill_slot(draw, slot)
        if slot in ("{PER}", "{LOC}", "{ORG}"):
            spans.append((len(text), len(text) + len(word), slot[1:-1]))
        text += word
    return TaggedText(text, tuple(spans))


def _words(draw):
    return [fill_slot(draw, slot) for slot in draw.choice(_FRAMES).split()]


def fill_slot(draw, slot):
    """Draw the word for a slot such as "{PER}"; return any other word unchanged."""
    if slot == "{PER}":
        return _one(draw, _SURNAMES) + _one(draw, _GIVEN)
    if slot == "{LOC}":
        part = _one(draw, _PARTS) + _one(draw, _KINDS)
        return draw.choice([_one(draw, _PLACES), part, _one(draw, _PLACES) + part])
    if slot == "{ORG}":
        place = draw.choice(["", _one(draw, _PLACES)])
        return place + _one(draw, _BRANDS) + _one(draw, _TRADES) + _one(draw, _BODIES)
    named = {"{time}": _TIMES, "{n}": _NOUNS, "{v}": _VERBS}
    return _one(draw, named[slot]) if slot in named else slot


def _one(draw, words):
    return draw.choice(words.split())


_PLACED = re.compile(r"(.+?)([0-9]+)")  # a character, which may be a digit, and its place


def read_conll(path, segmented=False, encoding="utf-8"):
    """Read sentences from a file with a token and its tag on each line, blank lines between them.

    The first column is the token, the last the tag; columns are separated by tabs or spaces.

    Args:
        path: the file.
        segmented: each character is followed by its place in the word (`科0`, `技1`), as in Weibo
            NER; the words are then returned as well.
        encoding: encoding of the file.

    Returns:
        List of (tokens, tags), or of (characters, tags, words).

    Raises:
        ValueError: a line without a tag, or a character without its place, named by `path:line`.

    >>> import os, tempfile
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write("科0\\tO\\n技1\\tO\\n\\n我0\\tB-PER\\n".encode())
    >>> read_conll(file.name, segmented=True)
    [(['科', '技'], ['O', 'O'], ['科技']), (['我'], ['B-PER'], ['我'])]
    >>> os.unlink(file.name)
    """

    def parse(line):
        columns = line.split()
        if len(columns) < 2:
            raise ValueError("must have a token and a tag")
        token, tag = columns[0], columns[-1]
        if not segmented:
            return token, tag, None
        match = _PLACED.fullmatch(token)
        if match is None:
            raise ValueError("must begin with a character and its place in the word")
        return match[1], tag, int(match[2])

    blocks = [tuple(map(list, zip(*block))) for block in read_blocks(path, parse, encoding)]
    if not segmented:
        return [(tokens, tags) for tokens, tags, _ in blocks]
    return [(tokens, tags, _words_of(tokens, places)) for tokens, tags, places in blocks]


def _words_of(characters, places):
    words = []
    for character, place in zip(characters, places):
        if place == 0 or not words:
            words.append(character)
        else:
            words[-1] += character
    return words


def read_segmented(path, encoding="utf-8"):
    """Read sentences from a file with one sentence on each line and spaces between the words.

    Args:
        path: the file, such as a corpus of the second SIGHAN bakeoff.
        encoding: encoding of the file.

    Returns:
        List of lists of str.

    Raises:
        ValueError: a line that does not decode, named by `path:line`; a file without words.

    >>> import os, tempfile
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write("共同  创造\\r\\n".encode())
    >>> read_segmented(file.name)
    [['共同', '创造']]
    >>> os.unlink(file.name)
    """
    return read_lines(path, str.split, encoding=encoding)
