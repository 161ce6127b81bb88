"""Relation extraction: a reader of DuIE's files, and generated texts with their triples.

A triple is (subject, predicate, object). DuIE is the data of relation extraction in LIC2019 and
LIC2020; kexue.fm/archives/7321.
"""

import json
from itertools import product
from typing import NamedTuple

from kerasx.checks import invalid
from kerasx.datasets.draw import draw_distinct
from kerasx.datasets.tagged_texts import fill_slot
from kerasx.files import read_lines

_VALUE = "@value"  # LIC2020's key of an object's main part
_KINDS = {"p": "{PER}", "q": "{PER}", "o": "{ORG}", "u": "{ORG}", "l": "{LOC}", "m": "{LOC}"}
# a sentence, and its triples, whose subject and object are named by their slots
_FRAMES = (
    ("{p}出生于{l}，后来进入{o}工作。", "p 出生地 l, p 任职机构 o"),
    ("{p}和{q}是一对夫妻，他们住在{l}。", "p 配偶 q"),
    ("{o}由{p}创立，总部设在{l}。", "o 创始人 p, o 总部地点 l"),
    ("据了解，{p}的妻子{q}是{l}人。", "p 配偶 q, q 出生地 l"),
    ("{p}在{o}和{u}都担任过顾问。", "p 任职机构 o, p 任职机构 u"),
    ("{o}的创始人{p}昨天到达{l}。", "o 创始人 p"),
    ("{o}是一家位于{l}的企业，{p}在那里工作。", "o 总部地点 l, p 任职机构 o"),
    ("{p}与{q}结婚以后，离开老家{l}去了{m}。", "p 配偶 q, p 出生地 l"),
    ("{l}人{p}创办了{o}。", "p 出生地 l, o 创始人 p"),
    ("{o}和{u}的总部都在{l}。", "o 总部地点 l, u 总部地点 l"),
    ("{p}昨天在{l}参观了{o}。", ""),
    ("{o}宣布与{u}合作，{p}出席了签约仪式。", ""),
)


class RelationText(NamedTuple):
    """A text and the triples that it states."""

    text: str
    triples: tuple  # of (subject, predicate, object), all str


def read_relations(path, errors="raise"):
    """Read a file of JSON lines {"text", "spo_list": [{"subject", "predicate", "object"}]}.

    An object of several parts, {"@value": ..., "inDate": ...} as in LIC2020, gives a triple for
    each part: of the predicate itself for "@value", of "predicate_key" for another key.

    Args:
        path: a UTF-8 file.
        errors: `"raise"` stops at a bad line, `"skip"` leaves bad lines out and warns once; see
            `read_lines`.

    Returns:
        List of `RelationText(text, triples)`.

    Raises:
        ValueError: an empty text, a triple whose subject or object is empty or not in the text, or
            a line of another form, named by `path:line`; no lines at all.

    >>> import os, tempfile
    >>> spo = {"subject": "鲁迅", "predicate": "籍贯", "object": {"@value": "绍兴"}}
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write(json.dumps({"text": "鲁迅是绍兴人", "spo_list": [spo]}).encode())
    >>> read_relations(file.name)
    [RelationText(text='鲁迅是绍兴人', triples=(('鲁迅', '籍贯', '绍兴'),))]
    >>> os.unlink(file.name)
    """
    return read_lines(path, _parsed, errors)


def spo_record(text, triples):
    """Convert a text and its triples to a record of LIC2020, the inverse of `read_relations`.

    The further parts of an object are found by subject and predicate; if these two have several
    objects, each object gets the parts.

    Args:
        text: str.
        triples: list of (subject, predicate, object), all str.

    Returns:
        {"text": ..., "spo_list": [{"subject": ..., "predicate": ..., "object": {...}}, ...]}

    >>> triples = [("甲", "获奖", "金奖"), ("甲", "获奖_onDate", "去年")]
    >>> spo_record("甲去年得了金奖", triples)["spo_list"][0]["object"]
    {'@value': '金奖', 'onDate': '去年'}
    """
    parts, whole = {}, []
    for subject, predicate, value in triples:
        name, _, key = predicate.partition("_")
        if key:
            parts.setdefault((subject, name), {})[key] = value
        else:
            whole.append((subject, name, {_VALUE: value}))
    named = {entry[:2] for entry in whole}
    whole += [(*pair, {}) for pair in parts if pair not in named]
    entries = [(s, p, {**value, **parts.get((s, p), {})}) for s, p, value in whole]
    return {
        "text": text,
        "spo_list": [dict(zip(("subject", "predicate", "object"), entry)) for entry in entries],
    }


def triple_spans(text, triples):
    """Find the spans of subjects and objects in a text; of several, the nearest pair.

    Args:
        text: str.
        triples: list of (subject, predicate, object), all str.

    Returns:
        List of ((start, end), predicate, (start, end)), in characters.

    Raises:
        ValueError: a subject or object is empty or not in the text.

    >>> triple_spans("鲁迅，鲁迅是绍兴人", [("鲁迅", "籍贯", "绍兴")])
    [((3, 5), '籍贯', (6, 8))]
    """
    spans = []
    for s, predicate, o in triples:
        places = list(product(_places(text, s), _places(text, o)))
        if not places:
            raise invalid(
                "`triples` must have subjects and objects that are in the text.",
                triple=(s, predicate, o),
                text=text,
            )
        i, j = min(places, key=lambda pair: abs(pair[0] - pair[1]))
        spans.append(((i, i + len(s)), predicate, (j, j + len(o))))
    return spans


def generate_relations(n, seed=0, exclude=()):
    """Generate `n` Chinese texts with triples about people, places and organisations.

    The texts depend on the arguments alone, and a shorter list is the start of a longer one. There
    are five predicates; a subject may have several objects, an object may be the subject of
    another triple, and a sixth of the sentences state no triple.

    Args:
        n: int, the number of texts.
        seed: int.
        exclude: texts that must not occur, such as those of a test set.

    Returns:
        List of `RelationText(text, triples)`, no text twice.

    Raises:
        ValueError: a bad argument, or fewer than `n` new texts can be made.

    >>> {triple[1] for x in generate_relations(99) for triple in x.triples} == {
    ...     "出生地", "任职机构", "配偶", "创始人", "总部地点"}
    True
    """
    return draw_distinct(n, seed, _draw_text, lambda x: x.text, exclude)


def _draw_text(draw):
    text, triples = "", []
    names = {slot: fill_slot(draw, kind) for slot, kind in _KINDS.items()}
    if any(a != b and a in b for a, b in product(names.values(), repeat=2)):
        return None
    if len(set(names.values())) < len(names):
        return None
    for sentence, stated in draw.shuffled(_FRAMES)[: draw.number(1, 2)]:
        text += sentence.format(**names)
        for s, predicate, o in (triple.split() for triple in stated.split(",") if triple):
            triples.append((names[s], predicate, names[o]))
    return RelationText(text, tuple(dict.fromkeys(triples)))


def _parsed(line):
    value = json.loads(line)
    try:
        text, triples = value["text"], []
        for spo in value["spo_list"]:
            o = spo["object"] if isinstance(spo["object"], dict) else {_VALUE: spo["object"]}
            for key, part in o.items():
                predicate = spo["predicate"] + (f"_{key}" if key != _VALUE else "")
                triples.append((spo["subject"], predicate, part))
    except (KeyError, TypeError) as error:
        raise ValueError(f"must be an object with text and spo_list: {error!r}") from error
    if not all(isinstance(x, str) and x for x in (text, *(x for t in triples for x in t))):
        raise ValueError("must have a text and triples of strings, none of them empty")
    triple_spans(text, triples)  # raises if one is not in the text
    return RelationText(text, tuple(triples))


def _places(text, piece):
    return [i for i in range(len(text)) if piece and text.startswith(piece, i)]
