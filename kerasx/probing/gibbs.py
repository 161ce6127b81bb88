"""Sample texts from a masked language model."""

import keras
import numpy as np

from kerasx.checks import check_integer, check_positive, invalid
from kerasx.probing.model_functions import as_function


def gibbs_sample(
    model,
    token_ids,
    mask_id,
    positions=None,
    samples=1,
    chains=1,
    burn_in=10,
    temperature=1.0,
    forbidden=(),
    from_logits=False,
    seed=0,
    verbose=0,
):
    """Sample texts by Gibbs sampling: mask one token, draw it given all other tokens, go on.

    A round visits all positions in a random order. The samples converge to the joint distribution
    if the conditionals of the model belong to one, as they nearly do after training.

    Args:
        model: a keras.Model, or a function from ids (b, n), with outputs (b, n, vocabulary), such
            as `build_transformer_model(..., with_mlm=True)`.
        token_ids: (n,), the start of every chain; [MASK] where nothing is known.
        mask_id: the id of [MASK], which is never drawn.
        positions: integers, the positions to draw; by default all but the first and the last.
        samples: number of rounds kept, after `burn_in` rounds that are not.
        chains: number of texts sampled side by side.
        burn_in: number of rounds dropped at the start.
        temperature: probabilities are taken to the power 1 / temperature.
        forbidden: ids that are never drawn.
        from_logits: whether the outputs are logits instead of probabilities.
        seed: an integer.
        verbose: 1 for a progress bar.

    Returns:
        ids (samples, chains, n), int32.

    Raises:
        ValueError: a position outside the text, or no token left that may be drawn.

    Source: arXiv 1902.04094; kexue.fm/archives/8119.

    >>> always_three = lambda ids: np.eye(5)[np.full(ids.shape, 3)]
    >>> gibbs_sample(always_three, [1, 0, 0, 2], mask_id=0)
    array([[[1, 3, 3, 2]]], dtype=int32)
    """
    token_ids = np.asarray(token_ids, "int32")
    n = len(token_ids)
    positions = np.arange(1, n - 1) if positions is None else np.asarray(positions, int)
    _check(token_ids, positions)
    check_integer("samples", samples, least=1)
    check_integer("chains", chains, least=1)
    check_integer("burn_in", burn_in, least=0)
    check_positive(temperature=temperature)
    run, rng = as_function(model), np.random.default_rng(seed)
    texts, kept = np.repeat(token_ids[None], chains, 0), []
    progress = keras.utils.Progbar(burn_in + samples, verbose=verbose, unit_name="round")
    for round_number in range(burn_in + samples):
        for i in rng.permutation(positions):
            texts[:, i] = mask_id
            log_p = _log_probabilities(run(texts)[:, i], from_logits)
            log_p[:, [mask_id, *forbidden]] = -np.inf
            texts[:, i] = _draw(rng, log_p / temperature)
        progress.add(1)
        if round_number >= burn_in:
            kept.append(texts.copy())
    return np.stack(kept)


def _log_probabilities(outputs, from_logits):
    """Return log-probabilities (b, vocabulary) up to a constant, float64."""
    if from_logits:
        return outputs.astype("float64")
    with np.errstate(divide="ignore"):
        return np.log(outputs.astype("float64"))


def _draw(rng, log_p):
    """Draw an id for each row: the argmax of log p plus Gumbel noise."""
    if not np.isfinite(log_p.max(-1)).all():
        raise invalid(
            "The model must leave a finite probability to some token that is not forbidden.",
            log_p=log_p.max(-1),
        )
    return (log_p + rng.gumbel(size=log_p.shape)).argmax(-1)


def _check(token_ids, positions):
    outside = (positions < 0) | (positions >= len(token_ids))
    if token_ids.ndim != 1 or not positions.size or outside.any():
        raise invalid(
            "`token_ids` must be (n,) and `positions` at least one integer in [0, n).",
            **{"token_ids.shape": token_ids.shape, "positions": positions.tolist()},
        )
