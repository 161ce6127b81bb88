"""Chinese small talk without a data set: two people who remember what has been said.

Stands in for LCCC (kexue.fm/archives/7718) where a small model is to learn, in a minute, that a
reply depends on the turns before: what was named comes up again, prices multiply, advice fits.
"""

from kerasx.data.drawing import draw_distinct

__all__ = ["TOPICS", "generate_dialogues"]

_CITIES = "北京 上海 广州 成都 西安 武汉 杭州 长沙 昆明 厦门"
_HOURS = "七点 八点 九点 十点 三点 四点 五点 六点"

# topic: facts, chosen together where they stand together, and the turns, each with its wordings
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
    """`n` dialogues in Chinese, none twice: one topic of `TOPICS`, or one after another.

    The same on every platform for a seed, and a shorter list is the start of a longer one. A
    dialogue has an even number of turns, from 2 to 16, the last one a reply.

    Args:
        n: int, how many.
        seed: int.

    Returns:
        List of dialogues, lists of str.

    Raises:
        ValueError: a bad argument, or the wordings have no `n` dialogues.

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
    """The first turns of a topic, one way to say each, about the same facts throughout."""
    known = {}
    for names, values in facts.items():
        chosen = draw.choice(values.split()).split("/")
        known.update(zip(names.split(), chosen, strict=True))
    kept = wordings[: 2 * draw.number(1, len(wordings) // 2)]
    return [draw.choice(turn.split("|")).format(**known) for turn in kept]
