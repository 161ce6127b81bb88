import keras
import numpy as np
import pytest

from kerasx import training
from kerasx.models import build_transformer_model
from tests.training.models import (
    FLOAT64,
    classifier,
    data,
    linear,
    numpy,
    step_gradients,
    three_classes,
)

DTYPE = "float64" if FLOAT64 else "float32"
RTOL = 1e-9 if FLOAT64 else 2e-5


def test_flooding_turns_the_gradient_round_below_its_level():
    x, y = three_classes()
    loss, plain = step_gradients(classifier(), x, y)
    for level, sign in ((loss / 2, 1), (loss * 2, -1), (0.0, 1)):
        value, flooded = step_gradients(training.flooding(classifier(), level), x, y)
        assert value == pytest.approx(abs(loss - level) + level, rel=1e-5)
        for a, b in zip(flooded, plain):
            np.testing.assert_allclose(a, sign * b, rtol=1e-4, atol=1e-6)


def test_the_gradient_penalty_of_a_quadratic(floats64):
    """L = |x w - y|²/2n has g = H w - c; the penalised gradient is g + ε H g."""
    x, y = data(dtype=DTYPE)
    model = training.gradient_penalty(linear(DTYPE), "linear", epsilon=0.7)
    w = numpy(model.trainable_variables[0].value)
    h = x.T @ x / len(x)
    g = h @ w - x.T @ y / len(x)
    loss, (found,) = step_gradients(model, x, y)
    np.testing.assert_allclose(found, g + 0.7 * h @ g, rtol=RTOL)
    assert np.abs(h @ g).max() > 1e-3  # the second-order part is there
    wanted = ((x @ w - y) ** 2).mean() / 2 + 0.35 * (g**2).sum()
    assert loss == pytest.approx(wanted, rel=max(RTOL, 1e-6))


def test_implicit_regularization_is_a_quarter_of_the_step_times_the_squared_gradient(floats64):
    x, y = data(dtype=DTYPE)
    model = training.implicit_gradient_regularization(linear(DTYPE), step_size=0.2)
    w = numpy(model.trainable_variables[0].value)
    g = x.T @ (x @ w - y) / len(x)
    loss, _ = step_gradients(model, x, y)
    wanted = ((x @ w - y) ** 2).mean() / 2 + 0.05 * (g**2).sum()
    assert loss == pytest.approx(wanted, rel=max(RTOL, 1e-6))


def test_a_descent_step_follows_the_flow_of_the_modified_loss():
    """Off the flow of L by O(h²), off that of L + h/4 |∂L|² by O(h³), on a quadratic."""
    h, x, y = 0.1, np.array([[1.7**0.5]], "float32"), np.zeros((1, 1), "float32")
    w, ends = 1.0, []
    for change in (lambda m: m, lambda m: training.implicit_gradient_regularization(m, h)):
        model = change(linear(d=1))
        model.set_weights([np.full((1, 1), w)])
        _, (slope,) = step_gradients(model, x, y)  # in proportion to w
        ends.append(np.exp(-h * slope.item()) * w)
    flow, modified = ends
    step = w - h * 1.7 * w
    assert abs(step - modified) < abs(step - flow) / 5


@pytest.mark.parametrize("recompute", [False, True])
def test_the_gradient_penalty_of_a_bert_agrees_with_finite_differences(recompute):
    config = {
        "vocab_size": 12,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 12,
        "max_position": 8,
    }
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 12, (3, 5))
    x, y = [ids, np.zeros_like(ids)], rng.integers(0, 12, (3, 5))

    def model(penalty, rate=0.0):
        keras.utils.set_random_seed(0)
        bert = build_transformer_model(
            config, with_mlm="linear", recompute=recompute, initializer_range=0.3
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        bert.compile(keras.optimizers.SGD(rate), loss)
        return training.gradient_penalty(bert, "Embedding-Token", 5.0) if penalty else bert

    _, gradients = step_gradients(model(True, 1.0), x, y)
    still = model(True)
    variable = still.get_layer("Transformer-0-FeedForward").o_dense.kernel
    place = [v.path for v in still.trainable_variables].index(variable.path)
    direction = rng.normal(size=variable.shape).astype("float32")
    w, step = numpy(variable.value), 1e-2

    def loss_at(t):
        variable.assign(w + t * direction)
        return float(still.train_on_batch(x, y))

    slope = (loss_at(step) - loss_at(-step)) / (2 * step)
    assert (gradients[place] * direction).sum() == pytest.approx(slope, rel=2e-2)
    assert loss_at(0.0) > float(model(False).train_on_batch(x, y)) + 0.1


def test_two_passes_without_dropout_agree():
    x, y = three_classes()
    plain, dropped = (
        step_gradients(change(classifier()), x, y) for change in (lambda m: m, training.r_drop)
    )
    assert plain[0] == pytest.approx(dropped[0], rel=1e-6)
    for a, b in zip(plain[1], dropped[1]):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def log_softmax(s):
    return (
        s
        - s.max(-1, keepdims=True)
        - np.log(np.exp(s - s.max(-1, keepdims=True)).sum(-1, keepdims=True))
    )


def test_two_passes_with_dropout_are_two_masks_in_a_row():
    x, y = three_classes()
    model = classifier(0.5)
    scores = [numpy(model(x, training=True)) for _ in range(2)]
    p, q = (log_softmax(s) for s in scores)
    losses = [-s[np.arange(len(y)), y].mean() for s in (p, q)]
    divergence = ((np.exp(p) - np.exp(q)) * (p - q)).sum(-1).mean()
    loss, _ = step_gradients(training.r_drop(classifier(0.5), alpha=4.0), x, y)
    assert loss == pytest.approx(np.mean(losses) + divergence, rel=1e-5)
    assert divergence > 1e-3
