"""AdaBoost: networks trained in turn, each on the examples that the ones before it get wrong."""

import logging
import math

import keras
import numpy as np
from keras import ops

from kerasx.checks import check_integer, check_positive, invalid

_CROSS_ENTROPIES = {
    "binarycrossentropy",
    "binaryfocalcrossentropy",
    "sparsecategoricalcrossentropy",
}
_ROUNDING = 1e-9  # the same learner once more has the error ½, but for rounding
_HINGES = {"hinge", "squaredhinge"}


def weighted_error(weights, right):
    """Compute ε = Σ w_i [G(x_i) ≠ y_i], the weight of the examples (n,) that are not right."""
    return float(np.sum(weights[~right]))


def vote_weight(error):
    """Compute α = ½ log((1 - ε) / ε), the vote of a learner whose weighted error is ε."""
    return 0.5 * math.log((1 - error) / error)


def normalizer(error):
    """Compute Z = 2 sqrt(ε (1 - ε)), by which the next weights are divided to have the sum 1."""
    return 2 * math.sqrt(error * (1 - error))


def next_weights(weights, right, error):
    """Compute w_i exp(-α y_i G(x_i)) / Z; under these weights the learner's error is ½."""
    exponents = vote_weight(error) * np.where(right, -1.0, 1.0)
    return weights * np.exp(exponents) / normalizer(error)


def soft_votes(outputs, kind):
    """Compute votes (n,), above 0 for the second label, from outputs (n, 1) or (n, 2).

    They are 2p - 1 = tanh(s / 2) for a probability p or its logit s, and scores as they are.
    """
    two = outputs.shape[-1] == 2
    difference = outputs[:, 1] - outputs[:, 0] if two else outputs[:, 0]
    if kind == "logit":
        return ops.tanh(difference / 2)
    return difference if two or kind == "score" else 2 * difference - 1


class BoostedClassifier:
    """A weighted vote of networks, sign Σ α_k G_k(x) with votes G_k(x) of -1 or 1.

    `adaboost` makes it.

    Attributes:
        learners: list of keras.Model, in the order in which they were trained.
        alphas: array (rounds,), α_k = ½ log((1 - ε_k) / ε_k).
        errors: array (rounds,), ε_k, the errors under the weights of each round.
        labels: the two labels as `y` had them, (-1, 1) or (0, 1).
        kind: what the outputs of the learners are: "probability", "logit" or "score", such as a
            tanh or an output trained with a hinge loss.
    """

    def __init__(self, labels, kind):
        self.learners, self.labels, self.kind = [], labels, kind
        self.alphas, self.errors = np.zeros(0), np.zeros(0)

    def votes(self, x, batch_size=None):
        """Compute the vote of each learner, -1 or 1, as an array (rounds, n)."""
        signs = [_signs(learner, x, self.kind, batch_size) for learner in self.learners]
        return np.array(signs)

    def scores(self, x, batch_size=None):
        """Compute f(x) = Σ α_k G_k(x), (n,): positive for the second label."""
        return self.alphas @ self.votes(x, batch_size)

    def predict(self, x, batch_size=None):
        """Predict labels (n,), in the form of the `y` that it was trained on."""
        return np.where(self.scores(x, batch_size) > 0, *self.labels[::-1])

    def margins(self, x, y, batch_size=None):
        """Compute y f(x) / Σ α_k with y as -1 or 1, in [-1, 1]: above 0 where it is right."""
        signs = np.where(np.ravel(y) == self.labels[1], 1, -1)
        return signs * self.scores(x, batch_size) / self.alphas.sum()

    @property
    def bounds(self):
        """The bound ∏ Z_k of the training error, after each round (rounds,)."""
        return np.cumprod([normalizer(error) for error in self.errors])


def adaboost(
    build, x, y, rounds=10, sample_weight=None, class_weight=None, from_logits=None, **fit
):
    """Train up to `rounds` networks, each on weights that the errors of those before it raise.

    Each example starts with w_i = 1/n. The learner of a round is trained with the weights n w_i;
    its error is ε = Σ w_i [G(x_i) ≠ y_i], its vote α = ½ log((1 - ε) / ε), and then w_i becomes
    w_i exp(-α y_i G(x_i)) / Z with Z = 2 sqrt(ε (1 - ε)). The training error of the vote is at most
    ∏ Z_k, so it falls exponentially as long as each learner is a little better than chance. The
    examples must be few enough to be arrays, and the networks small, since all are kept.

    Training ends early at a learner without an error, which then decides alone, and, with a logged
    line, before a learner whose error is ½ or more. `keras.utils.set_random_seed` makes it
    repeatable.

    Args:
        build: function that returns a new, compiled keras.Model. It has one output for each
            example, (n, 1) or (n,), which is higher for the second label, or one for each label,
            (n, 2).
        x: inputs (n, ...), an array or a list or dict of arrays, as `fit` takes them.
        y: labels (n,), all in {-1, 1} or all in {0, 1}. Cross-entropies get them as 0 and 1, other
            losses as they are.
        rounds: int, the number of networks.
        sample_weight: array (n,) of the weights to begin with; by default all are equal.
        class_weight: dict {label: number}, multiplied into these.
        from_logits: bool, whether the outputs are logits. By default the loss is asked for its
            attribute of this name. Without one, outputs of a hinge loss, and those trained on -1
            and 1, are scores above or below 0, and others are probabilities above or below ½.
        fit: arguments of `fit`, such as epochs=5; `batch_size` serves prediction, too.

    Returns:
        A `BoostedClassifier`.

    Raises:
        ValueError: the first network is right for no more than half of the weight.

    >>> def build():
    ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
    ...     model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy")
    ...     return model
    >>> x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    >>> y = (abs(x[:, 0]) > 0.5).astype("int32")
    >>> classifier = adaboost(build, x, y, rounds=2, epochs=10)
    >>> classifier.predict(x).shape
    (64,)

    Source: Freund and Schapire, 1997; kexue.fm/archives/3873.
    """
    check_integer("rounds", rounds, least=1)
    signs, labels = _signs_and_labels(y)
    _check_inputs(x, len(signs))
    weights = _first_weights(signs, labels, sample_weight, class_weight)
    classifier = BoostedClassifier(labels, None)
    for _ in range(rounds):
        learner = _new_learner(build, classifier, from_logits)
        _train(learner, x, signs, labels, weights, fit)
        right = _signs(learner, x, classifier.kind, fit.get("batch_size")) == signs
        error = weighted_error(weights, right)
        if error > 0.5 - _ROUNDING:
            _end(classifier, error, rounds)
            break
        # a learner without an error outvotes all others, as an infinite α would
        alpha = vote_weight(error) if error else 1 + classifier.alphas.sum()
        classifier.learners.append(learner)
        classifier.alphas = np.append(classifier.alphas, alpha)
        classifier.errors = np.append(classifier.errors, error)
        if not error:
            break
        weights = next_weights(weights, right, error)
    return classifier


def boosted_network(classifier, hard=False):
    """Join the learners of a `BoostedClassifier` to one network, whose last layer weighs them.

    A learner's output is a result, and a feature for the next layer as well. The network computes
    the logit 2 Σ α_k v_k(x) + b of the second label from the soft votes v_k of the learners, which
    are 2p - 1 for probabilities p; α and b = 0 are only where training starts. Compile it with
    `keras.losses.BinaryCrossentropy(from_logits=True)` and train it on labels 0 and 1. It shares
    the learners with the classifier; `learner.trainable = False` for each of them before `compile`
    trains the last layer alone.

    Args:
        classifier: a `BoostedClassifier` of learners that are functional or Sequential models with
            the same inputs.
        hard: bool. True rounds the votes to -1 and 1: until it is trained the network decides as
            the classifier does, so that its file is that of the classifier. The gradient is then
            that of soft votes.

    Returns:
        A keras.Model from the inputs of a learner to logits (n, 1), not compiled.

    >>> inputs = keras.Input((2,))
    >>> classifier = BoostedClassifier((0, 1), "logit")
    >>> classifier.learners = [keras.Model(inputs, keras.layers.Dense(1)(inputs)) for _ in range(3)]
    >>> classifier.alphas = np.ones(3)
    >>> boosted_network(classifier).output_shape
    (None, 1)

    Source: kexue.fm/archives/3873.
    """
    learners = classifier.learners
    for number, learner in enumerate(learners):
        if not getattr(learner, "inputs", None):
            raise invalid("The learners must be functional or Sequential models.", learner=learner)
        learner.name = f"learner_{number}"  # a name given in `build` would stand several times
    inputs = keras.tree.map_structure(_like, _input_of(learners[0]))
    votes = [_network_vote(learner(inputs), classifier.kind, hard) for learner in learners]
    features = keras.layers.Concatenate(name="votes")(votes) if len(votes) > 1 else votes[0]
    head = keras.layers.Dense(1, name="scores")
    scores = head(features)
    head.set_weights([2 * classifier.alphas[:, None], np.zeros(1)])
    return keras.Model(inputs, scores)


def _network_vote(outputs, kind, hard):
    """Return the vote (n, 1) of one learner in the joined network."""
    outputs = ops.reshape(outputs, (-1, 1)) if len(outputs.shape) == 1 else outputs
    votes = soft_votes(outputs, kind)[:, None]
    if not hard:
        return votes
    signs = ops.where(votes > 0, 1.0, -1.0)
    return votes + ops.stop_gradient(signs - votes)


def _input_of(model):
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def _like(tensor):
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)


def _new_learner(build, classifier, from_logits):
    """Build a learner; the first one tells of which kind the outputs are."""
    learner = build()
    if not isinstance(learner, keras.Model) or not learner.compiled:
        raise invalid("`build` must return a compiled keras.Model.", learner=learner)
    if any(learner is other for other in classifier.learners):
        raise invalid("`build` must return a new model each time.", learner=learner)
    classifier.kind = classifier.kind or _kind(learner.loss, classifier.labels, from_logits)
    return learner


def _kind(loss, labels, from_logits):
    """Return what outputs are that are trained with a loss: "logit", "score" or "probability"."""
    if getattr(loss, "from_logits", False) if from_logits is None else from_logits:
        return "logit"
    signed = labels == (-1, 1) and _loss_name(loss) not in _CROSS_ENTROPIES
    return "score" if signed or _loss_name(loss) in _HINGES else "probability"


def _loss_name(loss):
    """Return the name of a loss, whether it is a str, a function or an object."""
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    return name.lower().replace("_", "")


def _train(learner, x, signs, labels, weights, fit):
    """Train on weights whose mean is 1, as learning rates expect."""
    labels = (0, 1) if _loss_name(learner.loss) in _CROSS_ENTROPIES else labels
    sample_weight = (len(weights) * weights).astype("float32")
    y = np.where(signs > 0, labels[1], labels[0]).astype("int32")
    learner.fit(x, y, sample_weight=sample_weight, **{"verbose": 0, **fit})


def _signs(learner, x, kind, batch_size):
    """Return the votes (n,) of a learner, -1 or 1."""
    outputs = learner.predict(x, batch_size=batch_size, verbose=0)
    outputs = outputs.reshape(len(outputs), -1)
    if outputs.shape[1] not in (1, 2):
        raise invalid(
            "A learner must have one output for each example, or two.",
            **{"outputs.shape": outputs.shape},
        )
    return np.where(ops.convert_to_numpy(soft_votes(outputs, kind)) > 0, 1, -1)


def _signs_and_labels(y):
    """Return y as -1 and 1 (n,), and the two labels that it has."""
    y = np.ravel(ops.convert_to_numpy(y)).astype("float64")
    labels = tuple(np.unique(y).tolist())
    if labels not in ((-1, 1), (0, 1)):
        raise invalid("`y` must have two labels, -1 and 1 or 0 and 1.", labels=labels)
    return np.where(y > 0, 1, -1), tuple(int(label) for label in labels)


def _check_inputs(x, n):
    """Raise unless the inputs are n examples in arrays."""
    shapes = [getattr(array, "shape", ()) for array in keras.tree.flatten(x)]
    if not shapes or any(len(shape) == 0 or shape[0] != n for shape in shapes):
        raise invalid(
            f"`x` must be an array, or a list or dict of arrays, of {n} examples, as many as `y`; "
            "AdaBoost weighs each of them, so a data set that yields batches must be collected.",
            x=type(x).__name__,
            shapes=shapes,
        )


def _first_weights(signs, labels, sample_weight, class_weight):
    """Return weights (n,) with the sum 1."""
    n = len(signs)
    weights = np.ones(n) if sample_weight is None else np.array(sample_weight, "float64")
    if weights.shape != (n,) or not np.all(np.isfinite(weights) & (weights >= 0)):
        raise invalid(
            f"`sample_weight` must be a finite number of at least 0 for each of {n} examples.",
            sample_weight=sample_weight,
        )
    if class_weight is not None:
        if set(class_weight) != set(labels):
            raise invalid(f"`class_weight` must have the keys {labels}.", class_weight=class_weight)
        check_positive(**{f"class_weight[{key}]": number for key, number in class_weight.items()})
        weights = weights * np.where(signs > 0, class_weight[labels[1]], class_weight[labels[0]])
    if not weights.any():
        raise invalid("`sample_weight` must not be 0 throughout.", sample_weight=sample_weight)
    return weights / weights.sum()


def _end(classifier, error, rounds):
    """Raise if there is no learner yet, and tell that training ends early otherwise."""
    done = len(classifier.learners)
    advice = "Train the networks longer, or make them larger"
    if not done:
        raise ValueError(
            f"The first network must be right for more than half of the weight. Received: an error "
            f"of {error:.3f}. {advice}; see also whether `from_logits` tells what they return."
        )
    logging.getLogger("kerasx").warning(
        "AdaBoost ended after %d of %d rounds: the error of the next network is %.3f, which is no "
        "better than chance. %s to go on.",
        *(done, rounds, error, advice),
    )
