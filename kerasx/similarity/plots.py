"""A transport plan as a picture."""

import numpy as np

from kerasx.figures import drawing, save_figure

__all__ = ["plot_transport"]


def plot_transport(plan, rows, columns, path, title=""):
    """Draw how much of each word goes to which: the wider and darker a line, the more.

    Args:
        plan: (n, m), of `transport_plan`.
        rows, columns: the n words of one text and the m of the other.
        path: ends in `.png`, `.svg` or `.pdf`, in an existing folder. Needs matplotlib.
        title: text above.

    Raises:
        ValueError: words and plan do not go together, or matplotlib is not installed.
    """
    plan = np.asarray(plan, "float64")
    rows, columns = [str(word) for word in rows], [str(word) for word in columns]
    if plan.shape != (len(rows), len(columns)):
        raise ValueError(
            "`plan` must be (n, m) for n words and m words. "
            f"Received: plan of shape {plan.shape}, {len(rows)} and {len(columns)} words"
        )
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
