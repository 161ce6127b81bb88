"""Sentiment: generated Chinese hotel reviews, each with its sentiment and its subjects.

A small model can learn from these reviews in a minute that "不吵" is praise, and which half of a
sentence decides after "尽管" or "不过".
"""

from typing import NamedTuple

from kerasx.datasets.draw import draw_distinct

# for each subject: names, words of praise, words of blame, and a clause of praise and one of blame
# without its name
SUBJECTS = {
    "位置": ("位置 地段", "方便 好找", "偏僻 难找", "出门就是地铁站", "打车要半小时才到市区"),
    "房间": ("房间 客房", "宽敞 明亮", "狭小 昏暗", "躺下来能看见整条江", "行李箱都打不开"),
    "早餐": (
        "早餐 餐厅的菜",
        "丰富 可口",
        "单调 难吃",
        "每天换着花样吃不腻",
        "来来去去就是白粥馒头",
    ),
    "服务": ("服务 前台", "热情 周到", "冷淡 敷衍", "有事打个电话马上来人", "叫了三次都没人理"),
    "价格": (
        "价格 房费",
        "实惠 公道",
        "离谱 虚高",
        "花小钱住出了大酒店的感觉",
        "同样的钱能住更好的",
    ),
    "卫生": ("卫生 床单", "干净 整洁", "脏 邋遢", "地上一根头发都找不到", "枕头上还有别人的头发"),
    "隔音": ("隔音 夜里", "安静 清净", "吵 闹", "一觉睡到天亮", "隔壁说话听得一清二楚"),
    "网络": ("网络 无线信号", "流畅 稳定", "卡 慢", "视频会议一次没断", "网页半天打不开"),
}
_DEGREES = ("很", "非常", "真", "挺", "特别", "相当", "比较")
_NEGATIONS = ("不", "不太", "一点也不", "并不", "谈不上", "算不上")
_OPENINGS = ("", "", "", "出差住了{}晚，", "和家人来玩，住{}天，", "第{}次来了，", "网上订的，")
_CLOSINGS = ("", "", "", "。住的是{}楼", "。给后来的人参考", "。照片就不发了")
# words before the first half, words between the halves, and whether the second half decides
_CONTRASTS = (
    ("虽然", "，但是", True),
    ("", "，不过", True),
    ("", "，尽管", False),
    ("", "，就算", False),
)


class Review(NamedTuple):
    """A review, its sentiment and its subjects."""

    text: str
    sentiment: int  # 1: praise, 0: blame
    subjects: tuple  # in the order of SUBJECTS


def generate_reviews(n, seed=0, exclude=()):
    """Generate `n` different hotel reviews in Chinese.

    The reviews depend on the arguments alone, and a shorter list is the start of a longer one.
    Praise may deny a fault ("不吵"); if two clauses disagree, the conjunction tells which decides.

    Args:
        n: int, the number of reviews.
        seed: int.
        exclude: texts that must not occur, such as those of a test set.

    Returns:
        List of `Review(text, sentiment, subjects)`.

    Raises:
        ValueError: a bad argument, or fewer than `n` new texts can be made.

    >>> review = generate_reviews(1)[0]
    >>> review.sentiment in (0, 1), set(review.subjects) <= set(SUBJECTS)
    (True, True)
    """
    return draw_distinct(n, seed, _draw_review, lambda review: review.text, exclude)


def _draw_review(draw):
    sentiment = draw.number(0, 1)
    names = _several(draw, list(SUBJECTS), draw.number(1, 4))
    if len(names) > 1 and draw.number(0, 2) == 0:
        before, between, second_decides = draw.choice(_CONTRASTS)
        cut = draw.number(1, len(names) - 1)
        first = 1 - sentiment if second_decides else sentiment
        text = before + _clauses(draw, names[:cut], first)
        text += between + _clauses(draw, names[cut:], 1 - first)
    else:
        text = _clauses(draw, names, sentiment)
    opening, closing = (draw.choice(x).format(draw.number(2, 9)) for x in (_OPENINGS, _CLOSINGS))
    return Review(
        f"{opening}{text}{closing}。", sentiment, tuple(x for x in SUBJECTS if x in names)
    )


def _several(draw, items, n):
    """Draw n different items and remove them from the list."""
    return [items.pop(draw.number(0, len(items) - 1)) for _ in range(n)]


def _clauses(draw, names, sentiment):
    return "，".join(_clause(draw, SUBJECTS[name], sentiment) for name in names)


def _clause(draw, subject, sentiment):
    """Draw a clause: a word of the sentiment, a negated opposite, or a clause without the name."""
    topics, praise, blame, *whole = subject
    kind = draw.number(0, 4)
    if kind == 0:
        return whole[1 - sentiment]
    denied = kind == 1
    words = praise if sentiment != denied else blame
    degree = draw.choice(_NEGATIONS if denied else _DEGREES)
    return draw.choice(topics.split()) + degree + draw.choice(words.split())
