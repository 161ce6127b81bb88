"""Families of Chinese math word problems: wordings and equations around random numbers.

A family is a function of a `kerasx.datasets.draw.Draw` that yields kinds of question, each
`((equation, answer), wording, ...)`. It draws the solution first and then numbers that lead to it,
so that answers are sensible and known independently of the equation. An equation uses numbers of
the question and a few constants, has one form for each kind and no needless brackets, so that a
model only has to learn which arithmetic a text asks for.
"""

import math
from fractions import Fraction

PEOPLE = ("小明", "小红", "小华", "小丽", "小刚", "小芳")
GOODS = ("苹果", "梨", "桃子", "橘子", "鸡蛋", "本子")
GRADES = ("三年级", "四年级", "五年级", "六年级")
TEAMS = (("甲队", "乙队"), ("师傅", "徒弟"), ("张师傅", "李师傅"), ("甲车间", "乙车间"))
COPRIME = [(a, b) for a in range(1, 10) for b in range(1, 10) if a != b and math.gcd(a, b) == 1]


def chickens_and_rabbits(draw):
    x, y, name = draw.number(2, 40), draw.number(2, 40), draw.choice(PEOPLE)
    heads, legs = x + y, 2 * x + 4 * y
    for animal, equation, answer in (
        ("鸡", f"({heads}*4-{legs})/(4-2)", x),
        ("兔", f"({legs}-{heads}*2)/(4-2)", y),
    ):
        yield (
            (equation, answer),
            f"鸡兔同笼，共有{heads}个头，{legs}条腿，{animal}有多少只？",
            f"笼子里有鸡和兔共{heads}只，数一数有{legs}只脚，{animal}有几只？",
            f"{name}家养了鸡和兔共{heads}只，一共有{legs}条腿，{animal}有多少只？",
            f"鸡和兔在同一个笼子里，有{heads}个头和{legs}只脚，问{animal}有几只？",
        )


def surplus_and_shortage(draw):
    people, a, thing = draw.number(4, 30), draw.number(2, 8), draw.choice(GOODS)
    c = a + draw.number(2, 5)
    b = draw.number(1, people * (c - a) - 1)
    d = people * (c - a) - b
    yield (
        (f"({b}+{d})/({c}-{a})", people),
        f"老师给小朋友分{thing}，每人分{a}个多{b}个，每人分{c}个少{d}个，有多少个小朋友？",
        f"把{thing}分给小朋友，每人{a}个还剩{b}个，每人{c}个还差{d}个，小朋友有多少人？",
        f"有一些{thing}，每人分{a}个就多{b}个，每人分{c}个就少{d}个，一共有多少人？",
        f"同学们分{thing}，每人{a}个剩下{b}个，每人{c}个缺{d}个，有多少名同学？",
    )


def ages(draw):
    k = draw.number(3, 5)
    young = draw.number(math.ceil(22 / (k - 1)), 40 // (k - 1))  # when one is k times the other
    years, child, parent = draw.number(1, young - 2), draw.choice(PEOPLE), draw.choice("爸妈") * 2
    a, b = young * k - years, young - years
    c, d = young * k + years, young + years
    yield (
        (f"({a}-{b}*{k})/({k}-1)", years),
        f"{parent}今年{a}岁，{child}今年{b}岁，几年后{parent}的年龄是{child}的{k}倍？",
        f"今年{child}{b}岁，{parent}{a}岁，多少年后{parent}的年龄是{child}的{k}倍？",
    )
    yield (
        (f"({d}*{k}-{c})/({k}-1)", years),
        f"{parent}今年{c}岁，{child}今年{d}岁，几年前{parent}的年龄是{child}的{k}倍？",
        f"今年{child}{d}岁，{parent}{c}岁，多少年前{parent}的年龄是{child}的{k}倍？",
    )


def tree_planting(draw):
    gap, gaps, way = draw.number(2, 12), draw.number(5, 60), draw.choice(("公路", "小路", "大街"))
    a = gap * gaps
    for ends, equation, answer in (
        ("两端都栽", f"{a}/{gap}+1", gaps + 1),
        ("两端都不栽", f"{a}/{gap}-1", gaps - 1),
        ("只栽一端", f"{a}/{gap}", gaps),
    ):
        yield (
            (equation, answer),
            f"在一条长{a}米的{way}一边栽树，每隔{gap}米栽一棵，{ends}，一共栽多少棵？",
            f"一条{way}长{a}米，在它的一边每隔{gap}米栽一棵树，{ends}，要栽多少棵树？",
            f"{way}长{a}米，一边每{gap}米栽一棵树，如果{ends}，需要多少棵树？",
            f"同学们在长{a}米的{way}一边栽树，{ends}，每隔{gap}米一棵，共要多少棵？",
        )


def grazing_cows(draw):
    m, growth, scale = draw.number(3, 9), draw.number(2, 20), draw.number(1, 3)
    n = m + draw.number(2, 8)
    a, b = n * scale + growth, m * scale + growth  # cows that need m, or n, days
    for ask, equation, answer in (
        ("每天新长的草够几头牛吃1天", f"({b}*{n}-{a}*{m})/({n}-{m})", growth),
        ("原有的草够几头牛吃1天", f"({a}-{b})*{m}*{n}/({n}-{m})", m * n * scale),
    ):
        yield (
            (equation, answer),
            f"一片草地每天匀速长草，可供{a}头牛吃{m}天，或供{b}头牛吃{n}天，{ask}？",
            f"牧场的草每天匀速生长，{a}头牛{m}天吃完，{b}头牛{n}天吃完，{ask}？",
            f"一片匀速生长的草地，{a}头牛可吃{m}天，{b}头牛可吃{n}天，{ask}？",
            f"有一牧场，草匀速生长，够{a}头牛吃{m}天，也够{b}头牛吃{n}天，{ask}？",
        )


def profit(draw):
    cost, rate, n = draw.number(20, 200, 20), draw.number(5, 60, 5), draw.number(2, 50)
    price, thing = cost + cost * rate // 100, draw.choice(("衣服", "玩具", "书包", "鞋"))
    for ask, equation, answer in (
        ("一共赚了多少元", f"({price}-{cost})*{n}", (price - cost) * n),
        ("利润率是百分之几", f"({price}-{cost})/{cost}*100", rate),
    ):
        yield (
            (equation, answer),
            f"商店买进{n}件{thing}，每件进价{cost}元，每件卖{price}元，{ask}？",
            f"一种{thing}每件进价{cost}元，售价{price}元，卖出{n}件，{ask}？",
            f"王老板以每件{cost}元买进{thing}{n}件，以每件{price}元卖完，{ask}？",
            f"{thing}的成本是每件{cost}元，售价是每件{price}元，共卖了{n}件，{ask}？",
        )


def meeting(draw):
    u, v, t = draw.number(30, 90), draw.number(30, 90), draw.number(2, 9)
    s = (u + v) * t
    yield (
        (f"{s}/({u}+{v})", t),
        f"两地相距{s}千米，甲乙两车同时相对开出，甲车每小时行{u}千米，乙车每小时行{v}千米，几小时后相遇？",
        f"甲乙两车从相距{s}千米的两地同时相向而行，速度为每小时{u}千米和{v}千米，几小时后相遇？",
    )
    yield (
        (f"({u}+{v})*{t}", s),
        f"甲乙两车同时从两地相对开出，甲车每小时行{u}千米，乙车每小时行{v}千米，{t}小时后相遇，两地相距多少千米？",
        f"两车从两地同时相向而行，每小时各行{u}千米和{v}千米，{t}小时后相遇，两地相距多少千米？",
    )
    yield (
        (f"{s}/{t}-{u}", v),
        f"两地相距{s}千米，甲乙两车同时相对开出，{t}小时后相遇，甲车每小时行{u}千米，乙车每小时行多少千米？",
        f"甲乙两车从相距{s}千米的两地相向而行，{t}小时后相遇，甲车每小时行{u}千米，求乙车的速度。",
    )


def chasing(draw):
    faster, early = draw.number(5, 20, 5), draw.number(2, 6)
    ratio = draw.number(40 // faster, 80 // faster)
    v, (one, other) = faster * ratio, draw.two(PEOPLE)
    u, t = v + faster, ratio * early
    gap = faster * t
    yield (
        (f"{gap}/({u}-{v})", t),
        f"{one}在{other}前面{gap}米，{one}每分钟走{v}米，{other}每分钟走{u}米，{other}几分钟后追上{one}？",
        f"{one}和{other}相距{gap}米，同向而行，{one}在前每分钟{v}米，{other}在后每分钟{u}米，几分钟后追上？",
    )
    yield (
        (f"{v}*{early}/({u}-{v})", t),
        f"{one}每分钟走{v}米，先走{early}分钟，{other}每分钟走{u}米去追，几分钟后追上？",
        f"{one}先出发{early}分钟，每分钟走{v}米，{other}再以每分钟{u}米去追{one}，几分钟可以追上？",
    )


def joint_work(draw):
    one, other = draw.choice(TEAMS)
    job, t, u, v = (
        draw.choice(("一项工程", "一批零件", "一批玩具")),
        draw.number(2, 20),
        draw.number(5, 60),
        draw.number(5, 60),
    )
    # 1/a + 1/b = 1/c has exactly the solutions (a - c)(b - c) = c * c
    c = draw.choice((4, 6, 8, 10, 12, 18, 20, 24, 30))
    more = draw.choice([n for n in range(c // 4, 2 * c) if c * c % n == 0 and n != c])
    a, b, n = c + more, c + c * c // more, (u + v) * t
    yield (
        (f"1/(1/{a}+1/{b})", c),
        f"{job}，{one}单独做要{a}天，{other}单独做要{b}天，合做要多少天？",
        f"{job}，{one}独做{a}天完成，{other}独做{b}天完成，一起做几天完成？",
    )
    yield (
        (f"1/(1/{c}-1/{a})", b),
        f"{job}，{one}和{other}合做要{c}天，{one}单独做要{a}天，{other}单独做要多少天？",
        f"{job}，{one}独做{a}天完成，和{other}一起做{c}天完成，{other}独做几天完成？",
    )
    yield (
        (f"{n}/({u}+{v})", t),
        f"要做{n}个零件，{one}每天做{u}个，{other}每天做{v}个，合做要多少天？",
        f"有{n}个玩具，{one}每天做{u}个，{other}每天做{v}个，一起做几天完成？",
    )


def percentages(draw):
    n, p, grade = draw.number(40, 900, 20), draw.number(5, 95, 5), draw.choice(GRADES)
    part = n * p // 100
    yield (
        (f"{n}*{p}/100", part),
        f"{grade}有学生{n}人，其中女生占{p}%，女生有多少人？",
        f"果园里有{n}棵树，其中{p}%是苹果树，苹果树有多少棵？",
    )
    yield (
        (f"{n}*(1-{p}/100)", n - part),
        f"{grade}有学生{n}人，其中女生占{p}%，男生有多少人？",
        f"一根绳子长{n}米，用去{p}%，还剩多少米？",
    )
    yield (
        (f"{n}*(1+{p}/100)", n + part),
        f"某厂上月生产机器{n}台，本月比上月多{p}%，本月生产多少台？",
        f"{grade}去年有学生{n}人，今年增加了{p}%，今年有多少人？",
    )


def ratios(draw):
    a, b = draw.choice(COPRIME)
    unit, (one, other), thing = draw.number(2, 40), draw.two(PEOPLE), draw.choice(GOODS)
    n = (a + b) * unit
    for who, share in ((one, a), (other, b)):
        yield (
            (f"{n}*{share}/({a}+{b})", share * unit),
            f"把{n}个{thing}按{a}:{b}分给{one}和{other}，{who}分到多少个？",
            f"{one}和{other}共有{n}个{thing}，个数的比是{a}:{b}，{who}有多少个？",
            f"{one}和{other}按{a}:{b}分{n}个{thing}，{who}得多少个？",
            f"{one}与{other}的{thing}个数比是{a}:{b}，一共{n}个，{who}有几个？",
        )


def averages(draw):
    mean, up, down = draw.number(65, 90), draw.number(1, 8), draw.number(1, 8)
    a, b, c = mean + up, mean - down, mean + down - up
    before, name = draw.number(70, 90), draw.choice(PEOPLE)
    after = before + draw.number(-3, 2)
    yield (
        (f"({a}+{b}+{c})/3", mean),
        f"{name}语文{a}分，数学{b}分，英语{c}分，3科平均多少分？",
        f"{name}3次跳绳的个数是{a}、{b}和{c}，平均每次多少个？",
    )
    yield (
        (f"{after}*4-{before}*3", after * 4 - before * 3),
        f"{name}前3次测验平均{before}分，4次平均{after}分，第4次多少分？",
        f"{name}4次跳绳平均{after}个，前3次平均{before}个，第4次跳了多少个？",
    )


def rectangles(draw):
    a = draw.number(5, 80)
    b = draw.number(2, a - 1)
    around = (a + b) * 2
    place = draw.choice(("菜地", "花园", "操场", "草地"))
    yield (
        (f"({a}+{b})*2", around),
        f"一块长方形{place}长{a}米，宽{b}米，周长是多少米？",
        f"长方形{place}的长是{a}米，宽是{b}米，绕它走一圈是多少米？",
    )
    yield (
        (f"{a}*{b}", a * b),
        f"一块长方形{place}长{a}米，宽{b}米，面积是多少平方米？",
        f"长方形{place}的长是{a}米，宽是{b}米，它的面积是多少？",
    )
    yield (
        (f"{around}/2-{a}", b),
        f"一块长方形{place}的周长是{around}米，长是{a}米，宽是多少米？",
        f"长方形{place}长{a}米，周长{around}米，它的宽是多少？",
    )


def sum_and_difference(draw):
    less, d = draw.number(5, 200), draw.number(2, 90)
    (one, other), thing = draw.two(PEOPLE), draw.choice(GOODS)
    n, more = 2 * less + d, less + d
    for who, equation, answer in (
        (one, f"({n}+{d})/2", more),
        (other, f"({n}-{d})/2", less),
    ):
        yield (
            (equation, answer),
            f"{one}和{other}共有{n}个{thing}，{one}比{other}多{d}个，{who}有多少个？",
            f"{one}比{other}多{d}个{thing}，两人共有{n}个，{who}有几个？",
            f"两人共有{n}个{thing}，{other}比{one}少{d}个，{who}有多少个？",
            f"{other}的{thing}比{one}少{d}个，两人一共{n}个，求{who}的个数。",
        )


def sum_and_multiple(draw):
    less, k = draw.number(3, 90), draw.number(2, 9)
    (one, other), thing = draw.two(PEOPLE), draw.choice(GOODS)
    n = less * (k + 1)
    for who, equation, answer in (
        (other, f"{n}/({k}+1)", less),
        (one, f"{n}/({k}+1)*{k}", less * k),
    ):
        yield (
            (equation, answer),
            f"{one}和{other}共有{n}个{thing}，{one}是{other}的{k}倍，{who}有多少个？",
            f"{one}的{thing}是{other}的{k}倍，两人共有{n}个，{who}有几个？",
            f"两人共有{n}个{thing}，{one}的个数是{other}的{k}倍，{who}有多少个？",
            f"{one}和{other}一共{n}个{thing}，{one}的是{other}的{k}倍，求{who}的个数。",
        )


def unit_rate(draw):
    each, (m, n), thing = draw.number(3, 60), draw.two(range(2, 16)), draw.choice(GOODS)
    a, b = each * m, each * n
    yield (
        (f"{a}/{m}*{n}", b),
        f"{m}箱{thing}有{a}个，照这样算，{n}箱{thing}有多少个？",
        f"一辆汽车{m}小时行{a}千米，照这样的速度，{n}小时行多少千米？",
    )
    yield (
        (f"{b}/({a}/{m})", n),
        f"{m}箱{thing}有{a}个，照这样算，{b}个{thing}要装多少箱？",
        f"一辆汽车{m}小时行{a}千米，照这样的速度，行{b}千米要几小时？",
    )


def concentration(draw):
    p, n, salt = draw.number(5, 40, 5), draw.number(40, 800, 20), draw.choice(("盐", "糖"))
    low, m = draw.choice([q for q in (5, 10, 15, 20) if q < p] or [4]), draw.number(60, 600, 60)
    a = n * p // 100
    yield (
        (f"{a}/({a}+{n - a})*100", p),
        f"把{a}克{salt}放入{n - a}克水中，{salt}水的浓度是百分之几？",
        f"用{a}克{salt}和{n - a}克水配成{salt}水，浓度是百分之几？",
    )
    yield (
        (f"{n}*{p}/100", a),
        f"浓度为{p}%的{salt}水{n}克，含{salt}多少克？",
        f"有{n}克浓度{p}%的{salt}水，其中{salt}有多少克？",
    )
    yield (
        (f"{m}*{p}/{low}-{m}", m * p // low - m),
        f"把{m}克浓度{p}%的{salt}水变成浓度{low}%，要加水多少克？",
        f"有浓度{p}%的{salt}水{m}克，加多少克水后浓度变为{low}%？",
    )


def discounts(draw):
    price, z = draw.number(20, 900, 10), draw.number(5, 9)
    thing, now = draw.choice(("书包", "衣服", "台灯", "鞋")), price * z // 10
    yield (
        (f"{price}*{z}/10", now),
        f"一种{thing}原价{price}元，现在打{z}折出售，现价多少元？",
        f"{thing}原价{price}元，打{z}折后卖多少元？",
    )
    yield (
        (f"{price}-{price}*{z}/10", price - now),
        f"一种{thing}原价{price}元，现在打{z}折出售，便宜了多少元？",
        f"{thing}原价{price}元，打{z}折买可以省多少元？",
    )
    yield (
        (f"{now}/{z}*10", price),
        f"一种{thing}打{z}折后卖{now}元，原价多少元？",
        f"{thing}现在打{z}折出售，只要{now}元，它的原价是多少元？",
    )


def arithmetic_series(draw):
    a, d, n = draw.number(5, 40), draw.number(2, 6), draw.number(6, 30)
    last = a + (n - 1) * d
    yield (
        (f"{a}+({n}-1)*{d}", last),
        f"剧院第1排有{a}个座位，以后每排多{d}个，第{n}排有多少个座位？",
        f"一列数第1个是{a}，以后每个数比前一个大{d}，第{n}个数是多少？",
    )
    yield (
        (f"({a}+{last})*{n}/2", sum(range(a, last + 1, d))),
        f"剧院有{n}排座位，每排比前一排多的个数相同，第1排{a}个，最后1排{last}个，共多少个？",
        f"一堆木头有{n}层，最上层{a}根，最下层{last}根，相邻两层相差一样多，共多少根？",
    )


def circles_and_cubes(draw):
    r, place = draw.number(2, 60), draw.choice(("花坛", "水池", "草地", "桌面"))
    yield (
        (f"3.14*{r}**2", Fraction(314, 100) * r * r),
        f"一个圆形{place}的半径是{r}米，面积是多少平方米？",
        f"圆形{place}半径{r}米，它的面积是多少？",
    )
    yield (
        (f"{r}**2*6", 6 * r * r),
        f"一个正方体的棱长是{r}厘米，表面积是多少？",
        f"正方体木块棱长{r}厘米，它的表面积是多少？",
    )


FAMILIES = {
    "鸡兔同笼": chickens_and_rabbits,
    "盈亏": surplus_and_shortage,
    "年龄": ages,
    "植树": tree_planting,
    "牛吃草": grazing_cows,
    "利润": profit,
    "相遇": meeting,
    "追及": chasing,
    "工程": joint_work,
    "百分数": percentages,
    "比例": ratios,
    "平均数": averages,
    "长方形": rectangles,
    "和差": sum_and_difference,
    "和倍": sum_and_multiple,
    "归一": unit_rate,
    "浓度": concentration,
    "打折": discounts,
    "等差数列": arithmetic_series,
    "圆和正方体": circles_and_cubes,
}
