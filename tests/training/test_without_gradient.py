import keras
import numpy as np
import pytest
from keras import ops

from kerasx import training
from kerasx.training.draws import Draws
from tests.training.models import classifier, data, linear, numpy, step_gradients, three_classes


@keras.saving.register_keras_serializable("kerasx.tests")
def plain_mean(y_true, y_pred):
    return ops.sum(y_pred, -1)


@keras.saving.register_keras_serializable("kerasx.tests")
def errors(y_true, y_pred):
    """Compute the share of wrong answers, which has no gradient."""
    wrong = ops.not_equal(ops.argmax(y_pred, -1), ops.cast(ops.reshape(y_true, (-1,)), "int64"))
    return ops.cast(wrong, "float32")


def test_antithetic_pairs_are_exact_on_a_linear_function():
    """ĝ = (g·u) u, whatever ε."""
    x, y = data()
    model = training.zeroth_order(linear(loss=plain_mean), None, epsilon=0.5, seed=9)
    (variable,) = model.trainable_variables
    u = numpy(Draws(9).normal_like([variable], 0)[0])
    g = x.mean(0)[:, None]
    np.testing.assert_allclose(step_gradients(model, x, y)[1][0], (g * u).sum() * u, rtol=1e-3)


def test_the_mean_of_many_directions_is_the_gradient():
    x, y = data()
    model = training.zeroth_order(linear(), None, epsilon=1e-2, samples=10)
    (variable,) = model.trainable_variables
    w = np.array(numpy(variable.value))
    g = x.T @ (x @ w - y) / len(x)
    found = []
    for _ in range(40):  # each step draws other directions
        variable.assign(w)
        found.append(step_gradients(model, x, y)[1][0])
    assert np.linalg.norm(np.mean(found, 0) - g) < 0.25 * np.linalg.norm(g)


def test_the_loss_at_hand_is_the_baseline_of_one_sided_differences():
    x, y = data()
    model = training.zeroth_order(linear(), None, epsilon=1e-2, antithetic=False, seed=1)
    (variable,) = model.trainable_variables
    w, u = numpy(variable.value), numpy(Draws(1).normal_like([variable], 0)[0])

    def loss(w):
        return ((x @ w - y) ** 2).mean() / 2

    slope = (loss(w + 1e-2 * u) - loss(w)) / 1e-2
    np.testing.assert_allclose(step_gradients(model, x, y)[1][0], slope * u, rtol=1e-2)


def test_only_the_named_layer_gets_a_gradient():
    x, y = three_classes()
    model = training.zeroth_order(classifier(), "scores")
    _, gradients = step_gradients(model, x, y)
    named = {
        v.path.split("/")[0]: np.abs(g).max() for v, g in zip(model.trainable_variables, gradients)
    }
    assert named["hidden"] == 0 and named["scores"] > 0


def test_a_count_of_errors_is_lowered_though_it_has_no_gradient():
    x, y = three_classes(120)
    model = classifier(optimizer=keras.optimizers.Adam(0.05))
    model.compile(keras.optimizers.Adam(0.05), errors)
    model = training.zeroth_order(model, None, epsilon=0.3, samples=8)
    history = model.fit(x, y, batch_size=120, epochs=25, verbose=0).history["loss"]
    assert np.mean(history[-3:]) < history[0] - 0.15


def rewards(y_true, y):
    return ops.take(ops.array([1.0, -2.0, 4.0]), ops.cast(y, "int32"))


def one_layer(**options):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((1,))
    scores = keras.layers.Dense(3, use_bias=False, name="scores")(inputs)
    model = keras.Model(inputs, scores)
    model.compile(keras.optimizers.SGD(1.0), lambda t, p: ops.zeros_like(p[:, 0]))
    return training.policy_gradient(model, **options)


def test_the_expected_gradient_is_that_of_the_enumerated_reward():
    """∂E[r]/∂s_k = p_k (r_k - E[r]), with 4,000 equal examples."""
    model = one_layer(reward=rewards, samples=8)
    s = numpy(model.trainable_variables[0].value)[0]
    p = np.exp(s) / np.exp(s).sum()
    r = np.array([1.0, -2.0, 4.0])
    x = np.ones((4000, 1), "float32")
    found = step_gradients(model, x, np.zeros(4000, "int32"))[1][0][0]
    np.testing.assert_allclose(found, -p * (r - p @ r), atol=0.05)


def test_a_constant_added_to_the_reward_changes_nothing():
    x, y = np.ones((6, 1), "float32"), np.zeros(6, "int32")
    a, b = (
        step_gradients(one_layer(reward=lambda t, y, c=c: rewards(t, y) + c, samples=4), x, y)[1][0]
        for c in (0.0, 100.0)
    )
    np.testing.assert_allclose(a, b, atol=1e-4)


def test_the_reward_of_right_answers_makes_them_likelier():
    x, y = three_classes(60)
    model = classifier(optimizer=keras.optimizers.Adam(0.05), metrics=["accuracy"])
    model.compile(
        keras.optimizers.Adam(0.05), lambda t, p: ops.zeros_like(p[:, 0]), metrics=["accuracy"]
    )
    model = training.policy_gradient(
        model,
        lambda t, y: ops.equal(ops.cast(ops.reshape(t, (-1,)), "int32"), ops.cast(y, "int32")),
    )
    history = model.fit(x, y, batch_size=60, epochs=40, verbose=0).history["accuracy"]
    assert history[-1] > 0.8 > history[0]


def test_a_reward_of_the_wrong_shape_is_an_error():
    model = one_layer(reward=lambda t, y: ops.ones((2, 5)))
    with pytest.raises(ValueError, match="rewards"):
        model.train_on_batch(np.ones((6, 1), "float32"), np.zeros(6, "int32"))
