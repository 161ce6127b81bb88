"""Show impact matrices, trees and attributions, as pictures and as text."""

import contextlib

import numpy as np

from kerasx.checks import check_same_length, check_shape
from kerasx.figures import drawing, save_figure
from kerasx.text.tables import display_width

_BLUE, _ORANGE = "#0072b2", "#d55e00"


def format_tree(tree, tokens):
    """Format a constituency tree as text, one token a line.

    Args:
        tree: nested tuples of token numbers, a result of `parse_constituency`.
        tokens: list of str.

    >>> print(format_tree(((0, 1), 2), ["the", "cat", "sat"]))
    ┬┬ the
    │└ cat
    └ sat
    """

    def lines(node):
        if not isinstance(node, (list, tuple)):
            return [" " + str(tokens[node])]
        parts = []
        for i, child in enumerate(node):
            last = i == len(node) - 1
            corner = ("─" if last else "┬") if i == 0 else ("└" if last else "├")
            first, *others = lines(child)
            parts += [corner + first, *((" " if last else "│") + line for line in others)]
        return parts

    return "\n".join(lines(tree)).rstrip()


def format_dependencies(heads, tokens):
    """Format a dependency tree as text: a line for each token with its head.

    Args:
        heads: (T,), -1 at the root, a result of `parse_dependencies`.
        tokens: list of T str.

    >>> print(format_dependencies([1, -1], ["cats", "sleep"]))
    cats <- sleep
    sleep (root)
    """
    return "\n".join(
        f"{token} (root)" if head < 0 else f"{token} <- {tokens[head]}"
        for token, head in zip(tokens, heads, strict=True)
    )


def plot_impacts(impacts, tokens, path, title=""):
    """Draw an impact matrix: row i, column j shows how masking token j changes token i.

    Args:
        impacts: (T, T).
        tokens: list of T str.
        path: of the picture, `.png`, `.svg` or `.pdf`, in an existing folder. Needs matplotlib.
        title: str above the picture.
    """
    impacts, tokens = np.asarray(impacts, "float64"), [str(token) for token in tokens]
    check_shape("impacts", impacts, (len(tokens), len(tokens)), "a number for each pair of tokens")
    size = 1.6 + 0.38 * len(tokens)
    with _picture(path, title, tokens, (size + 0.6, size)) as axes:
        shown = np.where(np.eye(len(tokens), dtype=bool), np.nan, impacts)
        image = axes.imshow(shown, cmap="Blues")
        _name_columns(axes, tokens)
        axes.set_yticks(range(len(tokens)), tokens)
        axes.set(xlabel="hidden", ylabel="changed")
        axes.figure.colorbar(image, shrink=0.7)


def plot_tree(tree, tokens, path, title=""):
    """Draw a constituency tree above its tokens.

    Args:
        tree, tokens: as in `format_tree`.
        path, title: as in `plot_impacts`.
    """
    tokens = [str(token) for token in tokens]
    places = _places(tokens)
    with _picture(path, title, tokens, (0.6 + 0.11 * places[-1], 1)) as axes:

        def draw(node):
            """Draw the branches of a node and return its (x, height)."""
            if not isinstance(node, (list, tuple)):
                axes.text(places[node], -0.15, tokens[node], ha="center", va="top", fontsize=11)
                return places[node], 0
            children = [draw(child) for child in node]
            x = (children[0][0] + children[-1][0]) / 2
            height = 1 + max(y for _, y in children)
            for child, y in children:
                axes.plot([x, child], [height, y], color=_BLUE, lw=1.5)
            return x, height

        _, height = draw(tree)
        axes.figure.set_figheight(0.9 + 0.38 * height)
        _show_only(axes, places, (-1.1, height + 0.3))


def plot_dependencies(heads, tokens, path, title=""):
    """Draw a dependency tree: an arrow from each head to its dependent; the root is in bold.

    Args:
        heads: (T,), -1 at the root, a result of `parse_dependencies`.
        tokens, path, title: as in `plot_impacts`.
    """
    heads, tokens = [int(head) for head in heads], [str(token) for token in tokens]
    check_same_length(heads=heads, tokens=tokens)
    places = _places(tokens)
    widest = max([abs(h - i) for i, h in enumerate(heads) if h >= 0], default=1)
    size = (0.6 + 0.11 * places[-1], 0.9 + 0.38 * widest)
    with _picture(path, title, tokens, size) as axes:
        for i, (head, token) in enumerate(zip(heads, tokens)):
            weight = "bold" if head < 0 else "normal"
            style = {"ha": "center", "va": "top", "fontsize": 11, "fontweight": weight}
            axes.text(places[i], -0.1, token, **style)
            if head >= 0:
                _arc(axes, places[head], places[i], abs(head - i))
        _show_only(axes, places, (-0.8, widest + 0.3))


def plot_attributions(values, tokens, path, title=""):
    """Draw the attribution of each token as a bar, blue for positive and orange for negative.

    Args:
        values: (T,), a row of `integrated_gradients(...).tokens`.
        tokens, path, title: as in `plot_impacts`.
    """
    values, tokens = np.asarray(values, "float64"), [str(token) for token in tokens]
    check_shape("values", values, (len(tokens),), "a number for each token")
    with _picture(path, title, tokens, (1.5 + 0.4 * len(tokens), 2.6)) as axes:
        axes.bar(range(len(tokens)), values, color=np.where(values < 0, _ORANGE, _BLUE))
        axes.axhline(0, color="0.5", lw=0.8)
        _name_columns(axes, tokens)
        axes.spines[["top", "right"]].set_visible(False)


@contextlib.contextmanager
def _picture(path, title, tokens, size):
    """Yield the axes of a picture of a size in inches, and write it to `path` afterwards."""
    with drawing(title, *tokens) as figure_class:
        figure = figure_class(figsize=size, layout="constrained")
        axes = figure.subplots()
        axes.set_title(title)
        yield axes
        save_figure(figure, path)


def _name_columns(axes, tokens):
    axes.set_xticks(range(len(tokens)), tokens, rotation=60, ha="right", rotation_mode="anchor")


def _places(tokens):
    """Return the horizontal position of the middle of each token, in characters."""
    widths = np.array([display_width(token) + 2 for token in tokens])
    return np.cumsum(widths) - widths / 2 + 0.5


def _arc(axes, start, end, height):
    angles = np.linspace(0, np.pi, 60)
    xs, ys = (start + end) / 2 + (start - end) / 2 * np.cos(angles), height * np.sin(angles)
    axes.plot(xs, ys, color=_BLUE, lw=1.3)
    arrow = {"arrowstyle": "-|>", "color": _BLUE}
    axes.annotate("", (xs[-1], ys[-1]), (xs[-3], ys[-3]), arrowprops=arrow)


def _show_only(axes, places, heights):
    """Limit the picture to the tokens and these heights, and hide the axes."""
    axes.set(xlim=(places[0] - 3, places[-1] + 3), ylim=heights)
    axes.axis("off")
