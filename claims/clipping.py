"""Where curvature grows with the gradient, clipping gets further than any constant learning rate.

The sum of θ⁴ over 10 parameters that start at N(0, 3²) is (16, 1)-smooth: ‖H‖ ≤ 16 + ‖g‖. The
steps down to a loss of 10⁻⁴ are counted for the best of 300 constant rates, and for hard and soft
clipping at the rate 1/L₀ and γ = L₀/L₁ of the theory, untuned. Then an LSTM of 64 units learns to
continue 512 rows of 24 characters of Chinese reviews, in 96 updates of SGD. Its rates are the best
of 12 constant ones, and of 12 pairs of a rate and a γ, for the mean of three other seeds.
"""

import keras
import numpy as np

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import plot_mean
from kerasx.backend import value_and_grad
from kerasx.datasets import generate_reviews
from kerasx.optimizers import extend_with_soft_clipping

SOURCE = "kexue.fm/archives/7469; Zhang et al., ICLR 2020, arXiv 1905.11881"
SMALL = {"steps": 20, "rows": 64, "epochs": 2}
SIZE, L0, L1, GOAL, SHOWN = 10, 16.0, 1.0, 1e-4, 1000
SoftSGD = extend_with_soft_clipping(keras.optimizers.SGD)
LSTM_RATES = {"constant rate": (14.0, None), "soft clipping": (100.0, 0.1)}
quartic = value_and_grad(lambda tensors: keras.ops.sum(tensors[0] ** 4))


def measure(seed, steps=5000, rows=512, epochs=12):
    start = np.random.default_rng(seed).normal(0, 3, SIZE).astype("float32")
    losses = {
        "best constant rate": constant_rates(start, steps),
        "hard clipping": descent(
            start, keras.optimizers.SGD(1 / L0, global_clipnorm=L0 / L1), steps
        ),
        "soft clipping": descent(start, SoftSGD(1 / L0, soft_clipnorm=L0 / L1), steps),
    }
    counts = {f"steps of θ⁴, {name}": np.argmax(x < GOAL) or len(x) for name, x in losses.items()}
    curves = {f"θ⁴, {name}": x[:SHOWN] for name, x in losses.items()}
    step = {"soft-clipped step against g/(L₀ + L₁‖g‖), largest difference": difference(start)}
    texts = "".join(review.text for review in generate_reviews(600, seed))
    lstm = {name: language_model(texts, rows, epochs, *r) for name, r in LSTM_RATES.items()}
    ends = {f"loss of the LSTM, {name}": curve[-1] for name, curve in lstm.items()}
    return counts | step | ends | curves | {f"LSTM, {name}": c for name, c in lstm.items()}


def constant_rates(start, steps):
    """Return the losses Σ θ⁴ of gradient descent with the rate that is first at the goal."""
    rates = np.geomspace(1e-4, 1, 300)
    theta, losses = np.tile(start.astype("float64"), (300, 1)), []
    for _ in range(steps):
        losses.append((theta**4).sum(1))
        theta = np.clip(theta - rates[:, None] * 4 * theta**3, -1e9, 1e9)  # some diverge
    losses = np.array(losses)
    return losses[:, np.argmax((losses < GOAL).sum(0))]


def descent(start, optimizer, steps):
    """Return the losses Σ θ⁴ of the steps of an optimizer."""
    theta, losses = keras.Variable(start), []
    for _ in range(min(steps, SHOWN)):
        loss, gradients = quartic([theta.value])
        losses.append(float(loss))
        optimizer.apply(gradients, [theta])
    return np.array(losses)


def difference(start):
    theta = keras.Variable(start)
    SoftSGD(1 / L0, soft_clipnorm=L0 / L1).apply([theta.value], [theta])
    optimal = start / (L0 + L1 * np.linalg.norm(start))
    return np.abs(start - keras.ops.convert_to_numpy(theta.value) - optimal).max()


def language_model(texts, rows, epochs, rate, gamma, length=24):
    """Return the training losses of the epochs of an LSTM that predicts the next character."""
    ids = {character: i for i, character in enumerate(sorted(set(texts)))}
    stream = np.array([ids[c] for c in texts[: rows * (length + 1)]]).reshape(rows, length + 1)
    layers = keras.layers
    hidden = [layers.Embedding(len(ids), 32), layers.LSTM(64, return_sequences=True)]
    model = keras.Sequential([keras.Input((length,)), *hidden, layers.Dense(len(ids))])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(SoftSGD(rate, soft_clipnorm=gamma), loss)
    fit = model.fit(stream[:, :-1], stream[:, 1:], batch_size=64, epochs=epochs, verbose=0)
    return fit.history["loss"]


def judge(figures):
    constant, soft = (
        figures[f"steps of θ⁴, {name}"] for name in ("best constant rate", "soft clipping")
    )
    plain, clipped = (figures[f"loss of the LSTM, {name}"] for name in LSTM_RATES)
    parts = [higher(np.log(constant), np.log(soft)), higher(plain, clipped)]
    verdict = HOLDS if all(parts) else PARTLY if any(parts) else FAILS
    return (
        verdict,
        f"θ⁴ takes {soft.mean():.0f} steps with soft clipping and {constant.mean():.0f} with the"
        f" best constant rate; the LSTM ends at a loss of {clipped.mean():.2f} with soft clipping"
        f" and {plain.mean():.2f} without{'' if parts[1] else ', which is no clear difference'}.",
    )


def draw(picture, figures):
    left, right = picture.subplots(1, 2)
    styles = {"best constant rate": "-", "hard clipping": ":", "soft clipping": "--"}
    for name, style in styles.items():
        curve = figures[f"θ⁴, {name}"].mean(0)
        left.loglog(range(1, 1 + len(curve)), curve, style, label=name)
    left.set(xlabel="step", ylabel="Σ θ⁴, mean of the seeds")
    for name, style in zip(LSTM_RATES, ("-", "--")):
        curves = figures[f"LSTM, {name}"]
        plot_mean(right, range(1, 1 + curves.shape[1]), curves, name, linestyle=style)
    right.set(xlabel="epoch of 8 updates", ylabel="training loss of the LSTM")
    for axes in (left, right):
        axes.legend()
