"""Titles of scientific abstracts: a reader of CSL's files, and generated abstracts with titles.

CSL: Li et al., arXiv 2209.05034. A small model can learn from the generated abstracts in a minute
which of the things named in an abstract belong in its title.
"""

from typing import NamedTuple

from kerasx.datasets.draw import draw_distinct
from kerasx.files import read_tsv

_NAMES = ("methods", "objects", "tasks", "problems", "factors", "measures")
# for each field, the words of its papers in the order of _NAMES
FIELDS = {
    "计算机": (
        "卷积神经网络 支持向量机 粒子群优化 随机森林 注意力机制 稀疏表示 遗传算法 隐马尔可夫模型",
        "遥感图像 中文文本 人脸图像 网络流量 语音信号 商品评论 社交网络 医学图像",
        "分类 检索 去噪 异常检测 特征提取",
        "准确率不高 计算量过大 抗噪能力弱 标注数据不足",
        "样本数量 噪声强度 特征维数 网络深度",
        "识别精度 运行时间 鲁棒性",
    ),
    "农业": (
        "无人机遥感 近红外光谱 机器视觉 作物生长模型 物联网 高光谱成像 灰色关联分析 主成分分析",
        "冬小麦 夏玉米 水稻 设施番茄 苹果 茶树 棉花 大豆",
        "产量预测 病害识别 水分监测 品质评价 长势监测",
        "取样困难 时效性差 破坏样品 成本偏高",
        "施氮量 播期 灌溉方式 种植密度",
        "产量 光合特性 根系生长",
    ),
    "电力": (
        "小波变换 模糊控制 自适应滤波 神经网络 经验模态分解 模型预测控制 卡尔曼滤波 专家系统",
        "风电机组 变压器 输电线路 光伏电站 锂电池 异步电机 配电网 高压电缆",
        "故障诊断 状态评估 功率预测 故障定位 寿命预测",
        "误报率较高 响应速度慢 依赖人工经验 参数难以整定",
        "环境温度 负荷波动 谐波含量 接地方式",
        "运行效率 绝缘性能 供电可靠性",
    ),
    "医学": (
        "磁共振影像 基因表达谱 决策树 超声造影 深度学习 列线图模型 生物信息学 多层螺旋CT",
        "肺结节 脑卒中 乳腺癌 糖尿病肾病 冠心病 骨质疏松 肝硬化 类风湿关节炎",
        "早期诊断 风险评估 疗效评价 预后预测 分型",
        "漏诊率较高 主观性较强 缺乏客观指标 检查费用昂贵",
        "运动干预 维生素D水平 吸烟 睡眠质量",
        "发病率 炎症因子 生活质量",
    ),
    "土木": (
        "有限元分析 光纤传感 三维激光扫描 响应面法 极限平衡法 离散元模拟 正交试验 反演分析",
        "软土地基 公路隧道 混凝土梁 高边坡 深基坑 斜拉桥 土石坝 沥青路面",
        "稳定性分析 变形监测 损伤识别 抗震设计 承载力计算",
        "参数取值随意 监测点稀疏 工况复杂 结果偏于保守",
        "降雨强度 含水率 开挖顺序 车辆荷载",
        "变形规律 疲劳寿命 受力特性",
    ),
    "经济": (
        "面板数据模型 层次分析法 数据包络分析 结构方程模型 因子分析 博弈论 平衡计分卡 文本挖掘",
        "制造企业 农村金融 商业银行 跨境电商 旅游产业 物流企业 房地产市场 高新技术园区",
        "绩效评价 风险预警 效率测度 竞争力评价 需求预测",
        "指标单一 数据滞后 权重难以确定 忽视地区差异",
        "研发投入 利率调整 股权结构 政府补贴",
        "成长能力 融资成本 创新水平",
    ),
}
# a title, and wordings of the sentence that determines it
_GENRES = (
    (
        "基于{method}的{object}{task}方法",
        "提出一种{object}的{task}方法，其核心是{method}",
        "将{method}引入{object}{task}之中，给出了新的方法",
        "针对{object}{task}，以{method}为基础设计了一种方法",
    ),
    (
        "{method}在{object}{task}中的应用",
        "介绍了{object}{task}中应用{method}的实例",
        "以{object}为例，把{method}应用于{task}",
        "探讨{method}用于{object}{task}的可行性，并加以应用",
    ),
    (
        "{object}{task}系统的设计与实现",
        "设计并实现了一个系统，采用{method}完成{object}的{task}",
        "开发了{object}{task}系统，其中的模块使用{method}",
        "以{method}为关键技术，实现了面向{object}{task}的系统",
    ),
    (
        "{object}{task}研究综述",
        "回顾了{object}{task}的研究历程，对{method}等作了归纳",
        "综述{object}的{task}研究，并对{method}等方法加以评述",
        "从{method}等方面梳理了{object}{task}的文献",
    ),
    (
        "{factor}对{object}{measure}的影响",
        "考察{object}的{measure}如何随{factor}变化，数据用{method}处理",
        "为了解{object}{measure}与{factor}的关系，借助{method}进行了研究",
        "以{factor}为变量，用{method}研究了{object}的{measure}",
    ),
    (
        "{method}与{other}在{object}{task}中的比较",
        "对{method}和{other}进行比较，数据来自{object}的{task}",
        "以{object}的{task}为例，分析了{method}和{other}的优劣",
        "在{object}{task}问题上，将{method}与{other}作了对比",
    ),
)
_OPENINGS = (
    "{object}的{task}受到广泛关注，但现有方法{problem}。",
    "近年来{elsewhere}等领域发展迅速，{object}方面的工作还不多。",
    "传统的{other}{problem}，难以满足实际需要。",
    "由于{other}{problem}，有必要对{object}作进一步研究。",
    "目前的研究多针对{elsewhere}，而且{problem}。",
)
_CLOSINGS = (
    "结果表明，{measure}提高了{number}%。",
    "{number}组试验验证了其有效性。",
    "与{other}相比，误差降低了{number}%，具有推广价值。",
    "最后指出{measure}是今后研究的重点。",
    "在{number}个样本上的结果说明，{measure}得到明显改善。",
)


class Paper(NamedTuple):
    """An abstract and its title."""

    title: str
    abstract: str


def read_papers(path, errors="raise"):
    """Read a file in the form of CSL: a title, a tab and an abstract on each line.

    Args:
        path: a UTF-8 file; a byte order mark, CRLF and blank lines are allowed.
        errors: `"raise"` stops at a bad line, `"skip"` leaves bad lines out and warns once; see
            `read_lines`.

    Returns:
        List of `Paper(title, abstract)`, both without surrounding white space.

    Raises:
        ValueError: a line without two columns or with an empty one, named by `path:line`; with
            "skip", more than 1 % of them; no lines at all.

    >>> import os, tempfile
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write("图像检索综述\\t回顾了图像检索的研究。\\n".encode())
    >>> read_papers(file.name)
    [Paper(title='图像检索综述', abstract='回顾了图像检索的研究。')]
    >>> os.unlink(file.name)
    """
    return [Paper(*row) for row in read_tsv(path, (_filled, _filled), errors=errors)]


def generate_papers(n, seed=0, exclude=()):
    """Generate `n` Chinese abstracts with different titles: six kinds of paper in six fields.

    The abstracts depend on the arguments alone, and a shorter list is the start of a longer one. An
    abstract has the words of its title, and others of the same kind, as background or as baseline
    method. The kind of paper, and so the form of the title, follows from the second sentence.

    Args:
        n: int, the number of abstracts; about ten thousand are possible.
        seed: int.
        exclude: titles that must not occur, such as those of a test set.

    Returns:
        List of `Paper(title, abstract)`.

    Raises:
        ValueError: a bad argument, or fewer than `n` new titles can be made.

    >>> paper = generate_papers(1)[0]
    >>> len(paper.title) < len(paper.abstract)
    True
    """
    return draw_distinct(n, seed, _draw_paper, lambda paper: paper.title, exclude, "titles")


def _draw_paper(draw):
    field = {name: words.split() for name, words in zip(_NAMES, FIELDS[draw.choice(list(FIELDS))])}
    values = {name.removesuffix("s"): draw.choice(words) for name, words in field.items()}
    values["method"], values["other"] = draw.two(field["methods"])
    values["object"], values["elsewhere"] = draw.two(field["objects"])
    values["number"] = draw.number(3, 48)
    title, *wordings = draw.choice(_GENRES)
    opening, wording, closing = map(draw.choice, (_OPENINGS, wordings, _CLOSINGS))
    return Paper(title.format(**values), f"{opening}{wording}。{closing}".format(**values))


def _filled(text):
    if not text.strip():
        raise ValueError("must have a title and an abstract, neither of them empty")
    return text.strip()
