"""Draw losses, metrics and learning rate of a training run to a file."""

import math

import keras

from kerasx import backend
from kerasx.callbacks.learning_log import learning_rate
from kerasx.callbacks.weights_file import check_path
from kerasx.figures import figure_class
from kerasx.files.atomic import atomic_path

_SIZE = (8, 2.8)  # inches, of one panel
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")


class TrainingCurve(keras.callbacks.Callback):
    """Callback that draws losses, metrics and learning rate over the epochs after each epoch.

    The file is replaced atomically, so a viewer never sees half a picture. It shows the epochs
    that `Resume` restored, too. List this callback after those that add to the logs (`Evaluator`).

    Args:
        path: of the picture, `.png`, `.svg` or `.pdf`, in an existing folder. Needs matplotlib.
        log_scale: whether the axis of the losses is logarithmic.
        title: str above the picture; the name of the model by default.

    Raises:
        ValueError: another suffix, no such folder, or matplotlib is not installed.
    """

    def __init__(self, path, log_scale=False, title=None):
        super().__init__()
        check_path(path, (".png", ".svg", ".pdf"))
        self._figure = figure_class()
        self.path, self.log_scale, self.title = path, log_scale, title

    def on_train_begin(self, logs=None):
        self._rates = []

    def on_epoch_end(self, epoch, logs=None):
        past = getattr(self.model, "history", None)
        epochs = [*getattr(past, "epoch", []), epoch]
        values = {k: list(v) for k, v in getattr(past, "history", {}).items()}
        for name, value in (logs or {}).items():
            values.setdefault(name, []).append(value)
        self._rates.append(learning_rate(self.model))
        values.setdefault("learning_rate", self._rates)
        title = self.title or f"Training of {self.model.name}"
        backend.write_in_first_process(self.path, lambda: self._draw(values, epochs, title))

    def _draw(self, values, epochs, title):
        figure = plot_history(values, epochs, self.log_scale, title)
        with atomic_path(self.path) as temporary:
            figure.savefig(temporary, dpi=150)


def plot_history(history, epochs=None, log_scale=False, title="Training"):
    """Draw `History.history` in panels: losses, metrics, learning rate.

    Args:
        history: {name: list of numbers, one an epoch}. `val_x` is dashed in the colour of `x`. A
            shorter list belongs to the last epochs. NaN leaves a gap.
        epochs: numbers of the epochs, counted from 0; by default 0, 1, ...
        log_scale: whether the axis of the losses is logarithmic.
        title: str above the picture.

    Returns:
        A matplotlib Figure.

    >>> figure = plot_history({"loss": [2.0, 1.0], "val_loss": [2.5, 2.0], "accuracy": [0.1, 0.5]})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['loss', 'accuracy']
    """
    history = {k: v for k, v in history.items() if len(v)}
    longest = max(map(len, history.values()), default=0)
    epochs = [e + 1 for e in (range(longest) if epochs is None else epochs)]
    from matplotlib.ticker import LogFormatter

    panels = _panels(history)
    size = (_SIZE[0], _SIZE[1] * max(len(panels), 1) + 0.5)
    figure = figure_class()(figsize=size, layout="constrained")
    figure.suptitle(title, fontsize=13, fontweight="bold")
    if not panels:
        figure.text(0.5, 0.4, "no epochs yet", ha="center", color="0.5")
        return figure
    all_axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (label, names) in zip(all_axes, panels.items()):
        _draw(axes, {name: history[name] for name in names}, epochs)
        axes.set_ylabel(label)
        positive = any(v > 0 for name in names for v in history[name])
        if log_scale and label == "loss" and positive:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.2, 0.4)))
    figure.align_ylabels(all_axes)
    all_axes[-1].set_xlabel("epoch")
    all_axes[-1].xaxis.get_major_locator().set_params(integer=True)
    return figure


def _panels(history):
    """Return {axis label: names drawn there}, with metrics of similar size together."""
    panels = {"loss": [], "metric": [], "large metric": [], "learning rate": []}
    for name, values in history.items():
        finite = [abs(v) for v in values if math.isfinite(v)]
        if name in ("learning_rate", "lr"):
            panels["learning rate"].append(name)
        elif "loss" in name:
            panels["loss"].append(name)
        else:
            large = max(finite, default=0) > 1.5
            panels["large metric" if large else "metric"].append(name)
    named = {}
    for label, names in panels.items():
        bare = {name.removeprefix("val_") for name in names}
        if names:
            named[bare.pop() if "metric" in label and len(bare) == 1 else label] = names
    return named


def _draw(axes, history, epochs):
    partners = list(dict.fromkeys(name.removeprefix("val_") for name in history))
    for name, values in history.items():
        color = _COLORS[partners.index(name.removeprefix("val_")) % len(_COLORS)]
        style = "--" if name.startswith("val_") else "-"
        values = [v if math.isfinite(v) else math.nan for v in values]
        xs = epochs[-len(values) :]
        marker = "o" if len(epochs) <= 30 else None
        label = f"{name}: {values[-1]:.4g}"
        axes.plot(xs, values, style, color=color, marker=marker, markersize=3, label=label)
    axes.legend(
        frameon=False,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        fontsize=9,
        title="last value",
        alignment="left",
    )
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
