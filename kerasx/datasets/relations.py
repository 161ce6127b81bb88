"""Triples (subject, predicate, object) that texts state: files as those of DuIE, and made-up texts.

DuIE is the data of LIC2020's relation extraction, and before of LIC2019's; kexue.fm/archives/7321.
"""

import json
from itertools import product
from typing import NamedTuple

from kerasx.datasets.draw import draw_distinct
from kerasx.datasets.tagged_texts import fill_slot
from kerasx.files import read_lines

__all__ = ["RelationText", "generate_relations", "read_relations", "spo_record", "triple_spans"]

_VALUE = "@value"  # LIC2020's key of an object's first part
_KINDS = {"p": "{PER}", "q": "{PER}", "o": "{ORG}", "u": "{ORG}", "l": "{LOC}", "m": "{LOC}"}
# a sentence, and its triples by the letters of their slots
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
    text: str
    triples: tuple  # of (subject, predicate, object), all str


def read_relations(path, errors="raise"):
    """The texts of a file of JSON lines {"text", "spo_list": [{"subject", "predicate", "object"}]}.

    An object of several parts, {"@value": ..., "inDate": ...} as in LIC2020, becomes as many
    triples: the predicate itself for "@value", "predicate_key" for the others.

    Args:
        path: of a UTF-8 file.
        errors: `"raise"` stops at a bad line, `"skip"` leaves such lines out and warns once; see
            `read_lines`.

    Returns:
        List of `RelationText(text, triples)`.

    Raises:
        ValueError: a text that is empty, a triple whose subject or object is empty or not in the
            text, a line of another form, as `path:line`; no lines at all.

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
    """A text with triples as LIC2020 writes them; as JSON, a line of what `read_relations` reads.

    The parts of an object are found by their subject: two objects of one subject and predicate
    are both given them.

    Args:
        text: str.
        triples: (subject, predicate, object) each.

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
    """Where the subjects and objects are; of several places, those nearest to each other.

    Returns:
        List of ((start, end), predicate, (start, end)), in characters.

    Raises:
        ValueError: a subject or object that is empty or not in the text.

    >>> triple_spans("鲁迅，鲁迅是绍兴人", [("鲁迅", "籍贯", "绍兴")])
    [((3, 5), '籍贯', (6, 8))]
    """
    spans = []
    for s, predicate, o in triples:
        places = list(product(_places(text, s), _places(text, o)))
        if not places:
            raise ValueError(
                "`triples` must have subjects and objects that are in the text. "
                f"Received: {(s, predicate, o)} of {text!r:.80}"
            )
        i, j = min(places, key=lambda pair: abs(pair[0] - pair[1]))
        spans.append(((i, i + len(s)), predicate, (j, j + len(o))))
    return spans


def generate_relations(n, seed=0, exclude=()):
    """`n` texts in Chinese with triples of five predicates about people, places and organisations.

    The same on every platform for a seed, and a shorter list is the start of a longer one. A
    subject may have several objects, an object be another triple's subject, and a sixth of the
    sentences state nothing.

    Args:
        n: int, how many.
        seed: int.
        exclude: texts that must not occur, such as those of a test set.

    Returns:
        List of `RelationText(text, triples)`, no text twice.

    Raises:
        ValueError: a bad argument, or there are no `n` new texts left.

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
    triple_spans(text, triples)  # all of them are there
    return RelationText(text, tuple(triples))


def _places(text, piece):
    return [i for i in range(len(text)) if piece and text.startswith(piece, i)]
