"""Rows for the functions of K: a call for each name, its inputs, and the value in NumPy."""

from typing import Any, NamedTuple

import numpy as np

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 3, 4)).astype("float32")
Y = RNG.normal(size=(2, 3, 4)).astype("float32")
Z = RNG.normal(size=(2, 4, 5)).astype("float32")
V = RNG.normal(size=(2, 4)).astype("float32")
W = RNG.normal(size=(3, 4, 2)).astype("float32")
P = np.exp(X) / np.exp(X).sum(-1, keepdims=True)
P[0, 0] = [0, 0, 0, 1]  # to be clipped
Q = P * 0.5  # to be normalized
IDS = np.array([[2, 0, 1], [3, 3, 0]], "int32")
MASK = np.array([[1, 1, 0], [1, 0, 0]], "float32")
ONE_HOT = np.eye(4, dtype="float32")[IDS]
E = 1e-7


def inside(p):
    return np.clip(p, E, 1 - E)


def picked(x, ids):
    return np.take_along_axis(x, ids[..., None], -1)[..., 0]


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sparse_loss(p):
    """-log p of the clipped and normalized probabilities."""
    p = inside(p)
    return -np.log(picked(p / p.sum(-1, keepdims=True), IDS))


def convolved(x):
    return np.stack([np.tensordot(x[:, i : i + 3], W, 2) for i in range(x.shape[1] - 2)], 1)


class Row(NamedTuple):
    """A function of K in a call, the arrays it is called on, and the value."""

    name: str
    call: Any
    inputs: tuple
    value: Any

    @property
    def function(self):
        return self.name.split(" ")[0]


_binary = -ONE_HOT * np.log(inside(P) + E) - (1 - ONE_HOT) * np.log(1 - inside(P) + E)
_scan = X[:, 0] * 4 + X[:, 1] * 2 + X[:, 2]
_before = np.pad(X, [(0, 0), (2, 0), (0, 0)])

ROWS = [
    Row("sum", lambda K, x: K.sum(x, axis=[1, 2]), (X,), X.sum((1, 2))),
    Row("mean", lambda K, x: K.mean(x, 1, keepdims=True), (X,), X.mean(1, keepdims=True)),
    Row("mean of booleans", lambda K, x: K.mean(K.greater(x, 0), -1), (X,), (X > 0).mean(-1)),
    Row("max", lambda K, x: K.max(x, axis=[1, 2]), (X,), X.max((1, 2))),
    Row("min", lambda K, x: K.min(x, axis=1), (X,), X.min(1)),
    Row("prod", lambda K, x: K.prod(x, axis=-1), (X,), X.prod(-1)),
    Row("std", lambda K, x: K.std(x, axis=-1), (X,), X.std(-1)),
    Row("var", lambda K, x: K.var(x, axis=-1, keepdims=True), (X,), X.var(-1, keepdims=True)),
    Row("any", lambda K, x: K.any(x, axis=1), (MASK,), MASK.any(1)),
    Row("all", lambda K, x: K.all(x, axis=1, keepdims=True), (MASK,), MASK.all(1, keepdims=True)),
    Row("argmax", lambda K, x: K.argmax(x), (X,), X.argmax(-1)),
    Row("argmin", lambda K, x: K.argmin(x, axis=1), (X,), X.argmin(1)),
    Row("cumsum", lambda K, x: K.cumsum(x, axis=1), (X,), X.cumsum(1)),
    Row("cumsum of rows", lambda K, x: K.cumsum(x), (X,), X.cumsum(0)),
    Row("cumprod", lambda K, x: K.cumprod(x), (X,), X.cumprod(0)),
    Row("square", lambda K, x: K.square(x), (X,), X**2),
    Row("sqrt", lambda K, x: K.sqrt(x), (X,), np.sqrt(np.maximum(X, 0))),
    Row("exp", lambda K, x: K.exp(x), (X,), np.exp(X)),
    Row("log", lambda K, x: K.log(K.abs(x)), (X,), np.log(np.abs(X))),
    Row("abs", lambda K, x: K.abs(x), (X,), np.abs(X)),
    Row("sign", lambda K, x: K.sign(x), (X,), np.sign(X)),
    Row("round", lambda K, x: K.round(x * 3), (X,), np.round(X * 3)),
    Row("sin", lambda K, x: K.sin(x), (X,), np.sin(X)),
    Row("cos", lambda K, x: K.cos(x), (X,), np.cos(X)),
    Row("pow", lambda K, x: K.pow(x, 2), (X,), X**2),
    Row("clip", lambda K, x: K.clip(x, -0.5, 0.5), (X,), np.clip(X, -0.5, 0.5)),
    Row("clip below", lambda K, x: K.clip(x, 0, None), (X,), np.maximum(X, 0)),
    Row("equal", lambda K, x: K.equal(x, 3), (IDS,), IDS == 3),
    Row("not_equal", lambda K, x: K.not_equal(x, 3), (IDS,), IDS != 3),
    Row("greater", lambda K, x, y: K.greater(x, y), (X, Y), X > Y),
    Row("greater_equal", lambda K, x, y: K.greater_equal(x, y), (X, Y), X >= Y),
    Row("less", lambda K, x, y: K.less(x, y), (X, Y), X < Y),
    Row("less_equal", lambda K, x, y: K.less_equal(x, y), (X, Y), X <= Y),
    Row("maximum", lambda K, x, y: K.maximum(x, y), (X, Y), np.maximum(X, Y)),
    Row("minimum", lambda K, x: K.minimum(x, 0.0), (X,), np.minimum(X, 0)),
    Row("cast", lambda K, x: K.cast(x, "int32"), (X,), X.astype("int32")),
    Row("cast of floatx", lambda K, x: K.cast(x, K.floatx()), (IDS,), IDS.astype("float32")),
    Row("cast_to_floatx", lambda K, x: K.cast_to_floatx(x), (IDS,), IDS.astype("float32")),
    Row("reshape", lambda K, x: K.reshape(x, (-1, 6, 2)), (X,), X.reshape(2, 6, 2)),
    Row("flatten", lambda K, x: K.flatten(x), (X,), X.reshape(-1)),
    Row("batch_flatten", lambda K, x: K.batch_flatten(x), (X,), X.reshape(2, 12)),
    Row("transpose", lambda K, x: K.transpose(x), (X,), X.T),
    Row(
        "permute_dimensions",
        lambda K, x: K.permute_dimensions(x, (0, 2, 1)),
        (X,),
        X.transpose(0, 2, 1),
    ),
    Row("expand_dims", lambda K, x: K.expand_dims(x), (X,), X[..., None]),
    Row("expand_dims within", lambda K, x: K.expand_dims(x, 1), (X,), X[:, None]),
    Row("squeeze", lambda K, x: K.squeeze(x[:, :1], 1), (X,), X[:, 0]),
    Row("repeat", lambda K, x: K.repeat(x, 3), (V,), np.stack([V] * 3, 1)),
    Row("repeat_elements", lambda K, x: K.repeat_elements(x, 2, -1), (X,), X.repeat(2, -1)),
    Row("tile", lambda K, x: K.tile(x, [1, 2, 1]), (X,), np.tile(X, [1, 2, 1])),
    Row("reverse", lambda K, x: K.reverse(x, [1, 2]), (X,), X[:, ::-1, ::-1]),
    Row("stack", lambda K, x, y: K.stack([x, y]), (X, Y), np.stack([X, Y])),
    Row("concatenate", lambda K, x, y: K.concatenate([x, y]), (X, Y), np.concatenate([X, Y], -1)),
    Row("concatenate", lambda K, x: K.concatenate([[0], x[0, 0]], 0), (X,), np.append(0, X[0, 0])),
    Row(
        "temporal_padding",
        lambda K, x: K.temporal_padding(x, (1, 2)),
        (X,),
        np.pad(X, [(0, 0), (1, 2), (0, 0)]),
    ),
    Row("gather", lambda K, x, i: K.gather(x[0], K.cast(i, "int32")), (Z, IDS), Z[0][IDS]),
    Row("one_hot", lambda K, i: K.one_hot(K.cast(i, "int32"), 4), (IDS,), ONE_HOT),
    Row("zeros_like", lambda K, x: K.zeros_like(x), (X,), X * 0),
    Row("ones_like", lambda K, x: K.ones_like(x, name="o"), (X,), X * 0 + 1),
    Row("dot", lambda K, x, w: K.dot(x, w[0]), (X, Z), X @ Z[0]),
    Row("dot of more axes", lambda K, x, y: K.dot(x, y), (X, Z), np.dot(X, Z)),
    Row("batch_dot", lambda K, x, z: K.batch_dot(x, z), (X, Z), X @ Z),
    Row(
        "batch_dot of axes",
        lambda K, x, y: K.batch_dot(x, y, axes=2),
        (X, Y),
        X @ Y.transpose(0, 2, 1),
    ),
    Row(
        "batch_dot of two axes",
        lambda K, x, z: K.batch_dot(x, z, axes=[-1, 1]),
        (V, Z),
        np.einsum("bd,bde->be", V, Z),
    ),
    Row(
        "batch_dot of vectors",
        lambda K, x, y: K.batch_dot(x, y),
        (V, V),
        (V * V).sum(-1, keepdims=True),
    ),
    Row(
        "switch",
        lambda K, c, x, y: K.switch(K.greater(c, 0), x, y),
        (X[..., :1], X, Y),
        np.where(X[..., :1] > 0, X, Y),
    ),
    Row(
        "switch of a scalar",
        lambda K, x, y: K.switch(K.greater(K.sum(x), 1e9), lambda: x, lambda: y),
        (X, Y),
        Y,
    ),
    Row("softmax", lambda K, x: K.softmax(x), (X,), np.exp(log_softmax(X))),
    Row("sigmoid", lambda K, x: K.sigmoid(x), (X,), sigmoid(X)),
    Row("hard_sigmoid", lambda K, x: K.hard_sigmoid(x), (X,), np.clip(0.2 * X + 0.5, 0, 1)),
    Row("tanh", lambda K, x: K.tanh(x), (X,), np.tanh(X)),
    Row("softplus", lambda K, x: K.softplus(x), (X,), np.log1p(np.exp(X))),
    Row("softsign", lambda K, x: K.softsign(x), (X,), X / (1 + np.abs(X))),
    Row("relu", lambda K, x: K.relu(x), (X,), np.maximum(X, 0)),
    Row("relu with a slope", lambda K, x: K.relu(x, alpha=0.1), (X,), np.maximum(X, 0.1 * X)),
    Row("relu with a maximum", lambda K, x: K.relu(x, 0.0, 0.5), (X,), np.clip(X, 0, 0.5)),
    Row("elu", lambda K, x: K.elu(x, 0.5), (X,), np.where(X > 0, X, 0.5 * np.expm1(X))),
    Row(
        "l2_normalize",
        lambda K, x: K.l2_normalize(x, -1),
        (X,),
        X / np.linalg.norm(X, axis=-1, keepdims=True),
    ),
    Row("logsumexp", lambda K, x: K.logsumexp(x, 1), (X,), np.log(np.exp(X).sum(1))),
    Row("bias_add", lambda K, x, b: K.bias_add(x, b[0]), (X, V), X + V[0]),
    Row(
        "batch_normalization",
        lambda K, x, v: K.batch_normalization(x, v[0], K.square(v[1]), v[0] + 1, v[1], epsilon=0.1),
        (X, V),
        (X - V[0]) / np.sqrt(V[1] ** 2 + 0.1) * V[1] + V[0] + 1,
    ),
    Row("stop_gradient", lambda K, x: K.stop_gradient(x), (X,), X),
    Row(
        "sparse_categorical_crossentropy",
        lambda K, t, p: K.sparse_categorical_crossentropy(t, p),
        (IDS.astype("float32"), P),
        sparse_loss(P),
    ),
    Row(
        "sparse_categorical_crossentropy not normalized",
        lambda K, t, p: K.sparse_categorical_crossentropy(t, p),
        (IDS, Q),
        sparse_loss(Q),
    ),
    Row(
        "sparse_categorical_crossentropy of logits",
        lambda K, t, x: K.sparse_categorical_crossentropy(t, x, from_logits=True),
        (IDS[..., None], X),
        -picked(log_softmax(X), IDS),
    ),
    Row(
        "sparse_categorical_crossentropy along an axis",
        lambda K, t, x: K.sparse_categorical_crossentropy(t, x, True, axis=1),
        (IDS, X.transpose(0, 2, 1)),
        -picked(log_softmax(X), IDS),
    ),
    Row(
        "sparse_categorical_crossentropy ignoring a class",
        lambda K, t, x: K.sparse_categorical_crossentropy(t, x, True, ignore_class=3),
        (IDS, X),
        -picked(log_softmax(X), IDS) * (IDS != 3),
    ),
    Row(
        "categorical_crossentropy",
        lambda K, t, p: K.categorical_crossentropy(t, p),
        (ONE_HOT, Q),
        -(ONE_HOT * np.log(inside(Q / Q.sum(-1, keepdims=True)))).sum(-1),
    ),
    Row(
        "categorical_crossentropy of logits",
        lambda K, t, x: K.categorical_crossentropy(t, x, from_logits=True),
        (ONE_HOT, X),
        -(ONE_HOT * log_softmax(X)).sum(-1),
    ),
    Row(
        "binary_crossentropy",
        lambda K, t, p: K.binary_crossentropy(t, p),
        (ONE_HOT, P),
        _binary,
    ),
    Row(
        "binary_crossentropy of logits",
        lambda K, t, x: K.binary_crossentropy(t, x, from_logits=True),
        (ONE_HOT, X),
        np.log1p(np.exp(X)) - ONE_HOT * X,
    ),
    Row(
        "in_top_k",
        lambda K, p, t: K.in_top_k(p, K.cast(t[:, 0], "int32"), 2),
        (V, IDS),
        (V > picked(V, IDS[:, 0])[:, None]).sum(-1) < 2,
    ),
    Row("map_fn", lambda K, x: K.map_fn(lambda row: row * 2, x), (X,), X * 2),
    Row(
        "foldl",
        lambda K, x: K.foldl(lambda a, b: 2 * a + b, K.permute_dimensions(x, (1, 0, 2))),
        (X,),
        _scan,
    ),
    Row("foldr", lambda K, x: K.foldr(lambda a, b: 2 * a + b, x[0]), (X,), X[0].T @ [1, 2, 4]),
    Row("conv1d", lambda K, x: K.conv1d(x, K.constant(W)), (X,), convolved(X)),
    Row(
        "conv1d causal",
        lambda K, x: K.conv1d(x, K.constant(W), padding="causal"),
        (X,),
        convolved(_before),
    ),
    Row(
        "conv2d",
        lambda K, x: K.conv2d(K.expand_dims(x, 1), K.constant(W[None]))[:, 0],
        (X,),
        convolved(X),
    ),
    Row(
        "pool2d",
        lambda K, x: K.pool2d(K.expand_dims(x), (3, 2), pool_mode="avg")[..., 0],
        (X,),
        ((X[..., :-1] + X[..., 1:]) / 2).mean(1, keepdims=True),
    ),
    Row(
        "rnn",
        lambda K, x: K.rnn(lambda a, s: (a + 2 * s[0], [a + 2 * s[0]]), x, [x[:, 0] * 0])[0],
        (X,),
        _scan,
    ),
    Row("in_train_phase", lambda K, x: K.in_train_phase(x, lambda: x * 2), (X,), X * 2),
    Row("in_train_phase told", lambda K, x: K.in_train_phase(x, x * 2, training=True), (X,), X),
    Row("in_test_phase", lambda K, x: K.in_test_phase(x, x * 2), (X,), X),
]  # rows whose functions run on values only, within layers
EAGER_ONLY = {"cast_to_floatx", "map_fn", "foldl", "foldr", "rnn"}
