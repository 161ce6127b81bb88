"""Dialogues: a reader of LCCC's files and of similar ones, and generated small talk.

A dialogue is a list of turns, of two people in alternation. Data: Wang et al., arXiv 2008.03946.
"""

import json
import re
from itertools import chain, pairwise

from kerasx.checks import invalid
from kerasx.datasets.draw import draw_distinct
from kerasx.files import read_lines
from kerasx.files.lines import first_line, parse_all

_LETTER = re.compile("[A-Za-zÀ-ɏ]")


def read_dialogues(path, split="train", errors="raise"):
    """Read the dialogues of a UTF-8 file in one of three forms, told apart by its first line.

    - JSON lines, each a list of turns, as in LCCC;
    - a JSON document: a list of dialogues, or an object with lists of dialogues, {"train":
      [[turn, ...], ...], "valid": ...}, as in CDial-GPT;
    - lines of turns separated by tabs.

    `join_words` removes the spaces between words or characters.

    Args:
        path: the file.
        split: key of the list to read from a JSON object; other files have no splits.
        errors: `"raise"` stops at a bad dialogue, such as one with an empty turn; `"skip"` leaves
            bad dialogues out and warns once, see `read_lines`.

    Returns:
        List of dialogues, lists of str.

    Raises:
        ValueError: a bad dialogue, named by `path:line`, in a JSON document by its number; with
            "skip" more than 1 % of them; no JSON; no such split; or no dialogues at all.

    >>> import os, tempfile
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write('["吃 了 吗", "没 吃"]\\n'.encode())
    >>> read_dialogues(file.name)
    [['吃了吗', '没吃']]
    >>> os.unlink(file.name)
    """
    form = _form(first_line(path))
    if form == "document":
        return _read_document(path, split, errors)
    return read_lines(path, _parse_json if form == "lines" else _parse_tabs, errors)


def join_words(text):
    """Remove the spaces that separate the words or characters of a text.

    Spaces stay between Latin words, but not between single letters, which spell one word.

    >>> join_words("我 在 听 R a p"), join_words("这 是 my love 第 2 1 集")
    ('我在听Rap', '这是my love第21集')
    """
    words = text.split()
    gaps = [" " if _apart(a, b) else "" for a, b in pairwise(words)]
    return "".join(chain.from_iterable(zip(["", *gaps], words)))


def _apart(a, b):
    return len(a) + len(b) > 2 and bool(_LETTER.match(a[-1]) and _LETTER.match(b[0]))


def _form(line):
    """Return the form of a file with this first line: "lines", "document" or "tabs"."""
    if not line.startswith(("[", "{")):
        return "tabs"
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return "tabs" if "\t" in line.rstrip() else "document"
    nested = isinstance(value, dict) or any(isinstance(turn, list) for turn in value)
    return "document" if nested else "lines"


def _read_document(path, split, errors):
    def described(number, turns, error):
        return f"{path}: dialogue {number}: {error}. Received: {turns!r:.80}"

    dialogues = enumerate(_load_list(path, split), 1)
    return parse_all(path, dialogues, _checked, errors, described, "dialogues")


def _load_list(path, split):
    """Load the list of dialogues in a JSON document."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}:{error.lineno}: {error.msg}") from error
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start)
        raise ValueError(f"{path}:{line}: {error}") from error
    except RecursionError as error:  # thousands of open brackets
        raise ValueError(f"{path}: {error}") from error
    if isinstance(value, dict):
        if split not in value:
            raise invalid(f"{path}: `split` must be one of {list(value)}.", split=split)
        value = value[split]
    if not isinstance(value, list):
        raise ValueError(f"{path}: must hold a list of dialogues. Received: {value!r:.80}")
    return value


def _parse_json(text):
    try:
        return _checked(json.loads(text))
    except RecursionError:  # thousands of open brackets
        raise ValueError("must be a list of turns") from None


def _parse_tabs(line):
    if "\t" not in line:
        raise ValueError("must be turns separated by tabs, or JSON")
    return _checked(line.split("\t"))


def _checked(turns):
    if not isinstance(turns, list) or not all(isinstance(turn, str) for turn in turns):
        raise ValueError("must be a list of turns, each a string")
    turns = [join_words(turn) for turn in turns]
    if not turns or not all(turns):
        raise ValueError("must have turns, and none that is empty")
    return turns


_CITIES = "北京 上海 广州 成都 西安 武汉 杭州 长沙 昆明 厦门"
_HOURS = "七点 八点 九点 十点 三点 四点 五点 六点"

# For each topic its facts by name, and the turns, each with alternative wordings. Facts whose names
# share a key are chosen together.
TOPICS = {
    "weather": (
        {
            "city": _CITIES,
            "sky advice": "下雨/带伞 下雪/戴手套 很热/多喝水 很冷/穿厚一点 刮大风/戴帽子 "
            "有雾/开慢一点",
        },
        "{city}今天天气怎么样？|今天{city}天气好吗？|你知道{city}是什么天气吗？",
        "{city}今天{sky}。|今天{sky}。",
        "那要注意什么？|那我出门怎么办？",
        "记得{advice}。|{sky}的话要{advice}。",
        "好的，我会{advice}。|知道了，{advice}。",
        "路上小心。|到了{city}告诉我。",
    ),
    "food": (
        {
            "dish taste": "火锅/辣 麻婆豆腐/麻 蛋糕/甜 葡萄/酸甜 凉瓜/苦 咸鱼/咸 烤鸭/香 白粥/清淡",
            "hour": _HOURS,
        },
        "今天想吃什么？|我们吃什么好？|饿了，有什么好吃的？",
        "我想吃{dish}。|吃{dish}吧。|{dish}怎么样？",
        "{dish}是什么味道？|为什么是{dish}？",
        "{dish}很{taste}。|因为{dish}{taste}啊。",
        "那就吃{dish}，{hour}去吧。|好，我们{hour}去吃{dish}。",
        "好啊，{hour}见。|行，{hour}我等你。",
    ),
    "pet": (
        {
            "animal sound": "猫/喵喵 狗/汪汪 鸭子/嘎嘎 小羊/咩咩 青蛙/呱呱 小鸟/叽叽 小鸡/咯咯",
            "name": "豆豆 花花 小白 球球 乐乐 阿黄 米粒 团子",
        },
        "我家养了一只{animal}。|我昨天买了一只{animal}。|有人送我一只{animal}。",
        "{animal}叫什么名字？|你给{animal}起名字了吗？",
        "它叫{name}。|就叫{name}。",
        "{name}，好名字。{name}怎么叫？|{name}会叫吗？",
        "{name}{sound}地叫。|会，{sound}地叫。",
        "{animal}都是{sound}地叫。|我也想听{name}叫。",
    ),
    "people": (
        {
            "person": "小明 小红 老王 阿强 小丽 大伟 晓东 美玲",
            "city food": "北京/烤鸭 上海/小笼包 成都/火锅 西安/肉夹馍 武汉/热干面 长沙/臭豆腐 "
            "昆明/米线 厦门/沙茶面",
        },
        "你好，我叫{person}。|我是{person}，认识一下吧。",
        "你好，{person}，你是哪里人？|{person}你好，你从哪里来？",
        "我是{city}人。|我从{city}来。",
        "{city}的{food}很好吃。|我去{city}吃过{food}。",
        "你还记得我叫什么吗？|那你说我是谁？",
        "你叫{person}。|你是{person}啊。",
        "那我是哪里人？|我家在哪里？",
        "{person}是{city}人。|在{city}，有{food}的地方。",
    ),
    "weekend": (
        {
            "sport place": "游泳/游泳池 跑步/操场 看书/图书馆 爬山/山脚下 看电影/电影院 滑冰/冰场 "
            "唱歌/歌厅 画画/画室",
            "day": "星期六 星期天",
            "hour": _HOURS,
        },
        "{day}你做什么？|你{day}有空吗？|{day}有什么打算？",
        "{day}我要去{sport}。|我打算去{sport}。",
        "在哪里{sport}？|去什么地方{sport}？",
        "在{place}。|{place}，那里可以{sport}。",
        "几点去？|什么时候？",
        "{day}{hour}，在{place}。|{hour}，你也来吧。",
        "好，{hour}在{place}等我。|那我们{day}{hour}见。",
        "不见不散。|一起{sport}真好。",
    ),
    "market": (
        {
            "fruit": "苹果 香蕉 西瓜 橙子 草莓 桃子 梨",
            "price weight sum": " ".join(
                f"{a}/{b}/{a * b}" for a in range(2, 10) for b in (2, 3, 5)
            ),
        },
        "{fruit}多少钱一斤？|请问{fruit}怎么卖？|老板，{fruit}什么价？",
        "{fruit}{price}块一斤。|{price}块钱一斤。",
        "我买{weight}斤{fruit}。|给我来{weight}斤。",
        "{weight}斤一共{sum}块。|{price}块一斤，{weight}斤{sum}块。",
        "给你{sum}块。|好，{sum}块，给你。",
        "正好{sum}块，慢走。|谢谢，{fruit}很新鲜。",
    ),
    "health": (
        {
            "illness advice": "感冒/多喝热水 牙疼/去看牙医 失眠/早点睡觉 头疼/休息一下 "
            "嗓子疼/少说话 肚子疼/吃清淡点 眼睛疼/少看手机",
            "days": "两 三 四 五",
        },
        "我{illness}了。|我最近{illness}。|怎么办，我{illness}。",
        "{illness}多久了？|你{illness}几天了？",
        "{days}天了。|已经{days}天了。",
        "{illness}{days}天了，要{advice}。|那你要{advice}。",
        "{advice}就会好吗？|只要{advice}吗？",
        "是的，{advice}，{illness}就好了。|{advice}，过{days}天就好了。",
    ),
}
_CHANGES = "对了，|还有，|另外，"


def generate_dialogues(n, seed=0):
    """Generate `n` different Chinese dialogues on one of the `TOPICS`, or on two in succession.

    The dialogues depend on the seed alone, and a shorter list is the start of a longer one. A
    dialogue has an even number of turns, from 2 to 16; the last turn is a reply.

    Args:
        n: int, the number of dialogues.
        seed: int.

    Returns:
        List of dialogues, lists of str.

    Raises:
        ValueError: a bad argument, or fewer than `n` dialogues can be made.

    >>> [len(turns) % 2 for turns in generate_dialogues(3)]
    [0, 0, 0]
    """
    return draw_distinct(n, seed, _draw_dialogue, key=tuple, what="dialogues")


def _draw_dialogue(draw):
    first, second = draw.two(list(TOPICS))
    turns = _draw_turns(draw, *TOPICS[first])
    if draw.number(0, 2) == 0:
        opening, *others = _draw_turns(draw, *TOPICS[second])
        turns += [draw.choice(_CHANGES.split("|")) + opening, *others]
    return turns


def _draw_turns(draw, facts, *wordings):
    """Draw a wording for each of the first turns of a topic; all turns share the drawn facts."""
    known = {}
    for names, values in facts.items():
        chosen = draw.choice(values.split()).split("/")
        known.update(zip(names.split(), chosen, strict=True))
    kept = wordings[: 2 * draw.number(1, len(wordings) // 2)]
    return [draw.choice(turn.split("|")).format(**known) for turn in kept]
