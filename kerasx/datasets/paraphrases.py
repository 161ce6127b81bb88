"""Sentence similarity: generated pairs of Chinese questions to a shop, each with a score.

A small model can learn from these pairs in a minute that "怎么退耳机" and "耳麦不想要了怎么办" ask
the same. They take the place of data such as LCQMC or STS-B.
"""

from typing import NamedTuple

from kerasx.datasets.draw import draw_distinct

# for each intent, wordings that share few words
_INTENTS = (
    ("{}多少钱", "{}怎么卖", "买{}要花多少", "{}的价格是多少", "{}贵不贵"),
    ("{}什么时候能到", "{}几天送到", "{}多久发货", "我的{}还要等多久", "{}寄出来了没有"),
    ("{}能退吗", "{}不想要了怎么办", "怎么退{}", "{}不合适可以寄回去吗", "想把{}退掉"),
    ("{}坏了找谁", "{}怎么保修", "{}出毛病了怎么处理", "哪里能修{}", "{}有售后吗"),
    ("{}还有货吗", "{}卖完了吗", "现在买得到{}吗", "{}有没有库存", "{}何时补货"),
    ("{}有哪些颜色", "{}有红的吗", "{}能选颜色吗", "{}除了黑的还有什么", "{}是什么色的"),
    ("{}有优惠吗", "{}打折吗", "{}能便宜点吗", "买{}送什么", "{}哪天搞活动"),
    ("{}能开发票吗", "{}的发票怎么要", "买{}给报销凭证吗", "{}可以开公司抬头吗", "{}带不带票"),
)
# names of each product
_GOODS = (
    ("手机", "电话"),
    ("笔记本", "手提电脑"),
    ("耳机", "耳麦"),
    ("自行车", "单车"),
    ("羽绒服", "棉袄"),
    ("运动鞋", "球鞋"),
    ("冰箱", "冷柜"),
    ("背包", "书包"),
)
_OPENINGS = ("", "", "", "请问", "你好，", "想问一下", "麻烦问下，")
_CLOSINGS = ("", "", "？", "？", "呢？", "，谢谢")


class SentencePair(NamedTuple):
    """Two questions and their similarity."""

    first: str
    second: str
    score: int  # 2: same intent and product; 1: one of the two; 0: neither


def generate_paraphrases(n, seed=0, exclude=()):
    """Generate `n` different pairs of Chinese questions, about a third of each score.

    The pairs depend on the arguments alone, and a shorter list is the start of a longer one.

    Args:
        n: int, the number of pairs.
        seed: int.
        exclude: pairs (first, second) that must not occur, such as those of a test set.

    Returns:
        List of `SentencePair(first, second, score)`.

    Raises:
        ValueError: a bad argument, or fewer than `n` new pairs can be made.

    >>> pair = generate_paraphrases(1)[0]
    >>> pair.first != pair.second, pair.score in (0, 1, 2)
    (True, True)
    """
    return draw_distinct(n, seed, _draw_pair, lambda pair: pair[:2], exclude, what="pairs")


def _draw_pair(draw):
    score, keeps_intent = draw.number(0, 2), draw.number(0, 1)
    intents, goods = draw.two(_INTENTS), draw.two(_GOODS)
    same_intent = score == 2 or score == 1 and keeps_intent
    same_thing = score == 2 or score == 1 and not keeps_intent
    first = _sentence(draw, intents[0], goods[0])
    second = _sentence(draw, intents[not same_intent], goods[not same_thing])
    return None if first == second else SentencePair(first, second, score)


def _sentence(draw, wordings, names):
    text = draw.choice(wordings).format(draw.choice(names))
    return draw.choice(_OPENINGS) + text + draw.choice(_CLOSINGS)
