"""Draw transport plans."""

import numpy as np

from kerasx.checks import invalid
from kerasx.figures import drawing, save_figure


def plot_transport(plan, rows, columns, path, title=""):
    """Draw a transport plan as lines between two lists of words, wider and darker for more mass.

    Args:
        plan: (n, m), the return value of `transport_plan`.
        rows: the n words of one text.
        columns: the m words of the other text.
        path: path of the picture, ending in `.png`, `.svg` or `.pdf`, in an existing folder.
        title: str above the picture.

    Raises:
        ValueError: the numbers of words differ from the shape of the plan, or matplotlib is not
            installed.
    """
    plan = np.asarray(plan, "float64")
    rows, columns = [str(word) for word in rows], [str(word) for word in columns]
    if plan.shape != (len(rows), len(columns)):
        received = {"plan.shape": plan.shape, "words": (len(rows), len(columns))}
        raise invalid("`plan` must be (n, m) for n words and m words.", **received)
    with drawing(title, *rows, *columns) as figure_class:
        height = 0.38 * max(len(rows), len(columns), 3) + (0.6 if title else 0.2)
        figure = figure_class(figsize=(6, height), layout="constrained")
        axes = figure.subplots()
        _draw(axes, plan, rows, columns)
        axes.set_title(title, fontsize=11)
        save_figure(figure, path)


def _draw(axes, plan, rows, columns):
    left, right = (np.linspace(0, 1, 2 * len(x) + 1)[1::2] for x in (rows, columns))
    most = plan.max() or 1
    for i, j in zip(*np.nonzero(plan > 1e-9)):
        share = plan[i, j] / most
        axes.plot(
            [0, 1], [left[i], right[j]], color="#0072b2", lw=6 * share, alpha=0.35 + share / 2
        )
    for x, align, heights, words, masses in (
        (-0.03, "right", left, rows, plan.sum(1)),
        (1.03, "left", right, columns, plan.sum(0)),
    ):
        for y, word, mass in zip(heights, words, masses):
            axes.text(x, y, word, ha=align, va="center", fontsize=11)
            axes.plot(0 if x < 0 else 1, y, "o", color="#d55e00", ms=3 + 12 * np.sqrt(mass))
    axes.set(xlim=(-0.5, 1.5), ylim=(1, 0))
    axes.axis("off")
