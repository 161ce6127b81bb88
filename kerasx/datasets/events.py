"""Event extraction: a reader of LIC2020's files (DuEE), and generated texts with their events.

Source: kexue.fm/archives/7321.
"""

import json
from string import Formatter
from typing import NamedTuple

from kerasx.datasets.draw import draw_distinct
from kerasx.datasets.tagged_texts import fill_slot
from kerasx.files import read_lines

TRIGGER = "触发词"  # role of the trigger, which is one of the arguments of its event
_KINDS = {"p": "{PER}", "q": "{PER}", "o": "{ORG}", "u": "{ORG}", "l": "{LOC}", "t": "{time}"}
_CUPS = "金桥杯 长风杯 启明杯 海棠杯 银杏杯 新星杯"
# sentence, event type, triggers, roles of the slots; x is the trigger, n an amount, c a cup
_FRAMES = (
    ("{t}，{o}以{n}{x}了{u}。", "收购", "收购 并购 买下", "t 时间, o 收购方, n 金额, u 被收购方"),
    ("{u}被{o}{x}，价格为{n}。", "收购", "收购 并购", "u 被收购方, o 收购方, n 金额"),
    ("{p}和{q}{t}在{l}{x}。", "结婚", "结婚 成婚", "p 结婚方, q 结婚方, t 时间, l 地点"),
    ("据说{p}{t}与{q}{x}。", "结婚", "结婚 成婚 完婚", "p 结婚方, q 结婚方, t 时间"),
    ("{p}在{c}中{x}。", "夺冠", "夺冠 获得冠军", "p 冠军, c 赛事"),
    ("{c}{t}在{l}结束，{p}{x}。", "夺冠", "夺冠 获胜", "c 赛事, t 时间, l 地点, p 冠军"),
    ("{o}{t}宣布{x}{n}。", "融资", "融资 获得融资", "o 融资方, t 时间, n 金额"),
    ("{p}{t}从{o}{x}。", "离职", "离职 辞职", "p 离职者, t 时间, o 原单位"),
    ("{p}在{o}工作了十年，住在{l}。", "", "", ""),
)


class EventText(NamedTuple):
    """A text and its events."""

    text: str
    events: tuple  # for each event the tuple of its (start, end, (event_type, role)), in characters


def read_events(path, errors="raise"):
    """Read the texts of a file of JSON lines in the form of LIC2020's event extraction.

    A line is {"text", "event_list": [{"event_type", "trigger", "trigger_start_index", "arguments":
    [{"role", "argument", "argument_start_index"}]}]}. The trigger becomes an argument of the role
    `TRIGGER`.

    Args:
        path: a UTF-8 file.
        errors: `"raise"` stops at a bad line, `"skip"` leaves bad lines out and warns once; see
            `read_lines`.

    Returns:
        List of `EventText(text, events)`.

    Raises:
        ValueError: an empty text, a trigger or argument that is empty or not at its place in the
            text, or a line of another form, named by `path:line`; no lines at all.

    >>> import os, tempfile
    >>> event = {"event_type": "夺冠", "trigger": "夺冠", "trigger_start_index": 2, "arguments": []}
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write(json.dumps({"text": "甲队夺冠", "event_list": [event]}).encode())
    >>> read_events(file.name)
    [EventText(text='甲队夺冠', events=(((2, 4, ('夺冠', '触发词')),),))]
    >>> os.unlink(file.name)
    """
    return read_lines(path, _parsed, errors)


def event_record(text, events):
    """Convert a text and its events to a record of LIC2020, as files and `event_f1` have it.

    Args:
        text: str.
        events: for each event a list of (start, end, (event_type, role)), all of one type. The
            record of an event without a trigger has no trigger.

    Returns:
        {"text": ..., "event_list": [{"event_type", "trigger", "trigger_start_index", "arguments":
        [{"role", "argument", "argument_start_index"}, ...]}, ...]}

    >>> event_record("甲队夺冠", [[(0, 2, ("夺冠", "冠军"))]])["event_list"][0]["arguments"]
    [{'role': '冠军', 'argument': '甲队', 'argument_start_index': 0}]
    """
    records = []
    for event in events:
        trigger, arguments = {}, []
        for start, end, (_, role) in event:
            if role == TRIGGER:
                trigger = {"trigger": text[start:end], "trigger_start_index": start}
            else:
                argument = {"role": role, "argument": text[start:end]}
                arguments.append({**argument, "argument_start_index": start})
        records.append({"event_type": event[0][2][0], **trigger, "arguments": arguments})
    return {"text": text, "event_list": records}


def generate_events(n, seed=0, exclude=()):
    """Generate `n` Chinese texts with up to two events of five types.

    The texts depend on the arguments alone, and a shorter list is the start of a longer one. The
    two events of a text may have one type, and two arguments of an event may have one role.

    Args:
        n: int, the number of texts.
        seed: int.
        exclude: texts that must not occur, such as those of a test set.

    Returns:
        List of `EventText(text, events)`, no text twice.

    Raises:
        ValueError: a bad argument, or fewer than `n` new texts can be made.

    >>> sorted({event[0][2][0] for x in generate_events(99) for event in x.events})
    ['夺冠', '收购', '离职', '结婚', '融资']
    """
    return draw_distinct(n, seed, _draw_text, lambda x: x.text, exclude)


def _draw_text(draw):
    text, events = "", []
    for _ in range(draw.number(1, 2)):
        sentence, kind, triggers, roles = draw.choice(_FRAMES)
        names = {slot: fill_slot(draw, name) for slot, name in _KINDS.items()}
        names["n"], names["c"] = f"{draw.number(2, 98)}亿元", draw.choice(_CUPS.split())
        names["x"] = draw.choice((triggers or "无").split())
        roles = dict(pair.split() for pair in roles.split(",") if pair) | {"x": TRIGGER}
        event = []
        for before, slot, _, _ in Formatter().parse(sentence):
            text += before
            if slot and kind:
                end = len(text) + len(names[slot])
                event.append((len(text), end, (kind, roles[slot])))
            text += names.get(slot, "")
        events += [tuple(event)] if event else []
    return EventText(text, tuple(events))


def _parsed(line):
    value = json.loads(line)
    try:
        text, events = value["text"], []
        for event in value["event_list"]:
            kind, found = event["event_type"], []
            if "trigger" in event:
                found.append((event["trigger"], event["trigger_start_index"], (kind, TRIGGER)))
            for x in event["arguments"]:
                found.append((x["argument"], x["argument_start_index"], (kind, x["role"])))
            events.append(found)
    except (KeyError, TypeError) as error:
        raise ValueError(f"must be an object with text and event_list: {error!r}") from error
    if not isinstance(text, str) or not text:
        raise ValueError("must have a text that is not empty")
    return EventText(text, tuple(_placed(text, found) for found in events if found))


def _placed(text, arguments):
    """Convert a list of (argument, start, label) to an event, and check the starts."""
    for x, start, label in arguments:
        good = isinstance(x, str) and x and isinstance(start, int) and start >= 0
        if not good or not text.startswith(x, start):
            raise ValueError(
                f"{label[1]} must be in the text at its place. Received: {x!r} at {start}"
            )
    return tuple(sorted({(start, start + len(x), label) for x, start, label in arguments}))
