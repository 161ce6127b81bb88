"""The compiled part of decoding: pure functions of tensors, from prompts to sequences."""

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from kerasx import backend
from kerasx.checks import invalid
from kerasx.generation.constraints.constraint import constrained
from kerasx.generation.strategies.strategy import bounded, take_beams


class LoopInputs(NamedTuple):
    """The arrays of a batch of b prompts that `DecodingLoop` takes.

    Attributes:
        tokens, segments: (b, n) int32, the prompts, padded at the end.
        lengths: (b,) int32, the prompts' lengths.
        new_segments: (b,) int32, the segment of the generated tokens.
        steps: 0, 1, ..., m - 1; its length is the number of steps.
        additional: list of arrays for the model's additional inputs.
        source: [(b, n)] of an encoder-decoder, else [].
        started: the return values of the constraints' `start`.
        draws: random numbers (b, k, m), or () for a strategy without.
    """

    tokens: Any
    segments: Any
    lengths: Any
    new_segments: Any
    steps: Any
    additional: list
    source: list
    started: list
    draws: Any


class DecodingLoop:
    """Read prompts once, then append one token at a time to k hypotheses of each prompt.

    The cache has a fixed size: slots for the n tokens of the padded prompt, and k for each of the
    m steps. So no shape changes from step to step, and the whole loop is one compiled program.

    Beam search lets a hypothesis continue another one, its parent. To reorder the cache by parents
    would copy all keys and values at each step. Instead the k hypotheses of a prompt are fed as k
    tokens of one sequence into one cache, and the mask says which earlier tokens each of them
    descends from: choosing parents rearranges the booleans `visible` (b, k, m, k) alone.

    Prompts are read by a separate program (`prefill`), since their length differs from call to
    call while the steps stay the same, and since a compiler takes less memory for two parts.

    Tensors that stay the same in all steps are called fixed, those that change the state; both
    are dictionaries.

    Args:
        graphs: `DecodingGraphs`.
        strategy: a `Strategy`.
        constraints: tuple of `Constraint` objects.
        ends: tuple of the ids that end a sequence.
        pad_id: the id that fills up sequences; None for any.
    """

    def __init__(self, graphs, strategy, constraints, ends, pad_id):
        self.graphs, self.strategy, self.constraints = graphs, strategy, constraints
        self.ends, self.pad_id = ends, 0 if pad_id is None else pad_id
        plain = graphs.prefill, graphs.step
        self._prefill, step = graphs.with_hidden() if strategy.compares else plain
        self._step = backend.traced(lambda inputs: step(inputs, training=False))
        self._first, self._more, self._rest = (
            backend.compiled(function, [graphs.prefill, graphs.step])
            for function in (self._begin, self._until, self._finish)
        )

    def run(self, inputs):
        """Return the strategy's results for `LoopInputs`: tokens (b, k, m) and scores (b, k)."""
        fixed, state = self._first(inputs)
        return self._rest(fixed, state, np.int32(len(inputs.steps)))

    def iterate(self, inputs, chunk=1):
        """Iterate over the steps: (tokens (b, k) int32, -1 after an end, the strategy's state).

        Args:
            inputs: `LoopInputs`.
            chunk: number of steps that are computed at once.

        Raises:
            ValueError: the strategy may take back a token that it has chosen.
        """
        if not self.strategy.streams:
            raise invalid(
                "`strategy` must be Greedy() or Sampling() for tokens to be streamed; a beam "
                "search takes back tokens that it has chosen.",
                strategy=self.strategy,
            )
        return self._iterate(inputs, chunk)

    def _iterate(self, inputs, chunk):
        fixed, state = self._first(inputs)
        steps, ended = len(inputs.steps), False
        for first in range(0, steps, chunk):
            state = self._more(fixed, state, np.int32(min(first + chunk, steps)))
            chosen = state["chosen"]
            sequences = ops.convert_to_numpy(chosen["sequences"])
            for tokens in np.moveaxis(sequences[..., first : first + chunk], -1, 0):
                ended = np.logical_or(ended, np.isin(tokens, self.ends))
                tokens = np.where(ended, -1, tokens).astype("int32")
                yield tokens, chosen
                if ended.all():
                    return

    def _begin(self, inputs):
        """Return (fixed, state) after the prompts are read."""
        b, k, m = ops.shape(inputs.tokens)[0], self.strategy.width, ops.shape(inputs.steps)[0]
        caches, memory = self._prefilled(inputs, room=k * m)
        last, last_segment, prompt = self._resumed(inputs)
        places = inputs.lengths[:, None] - 1 + inputs.steps  # (b, m)
        fixed = {
            "steps": inputs.steps,
            "lengths": inputs.lengths,
            "prompt": prompt,
            "segments": [last_segment, inputs.new_segments[:, None]],
            "slots": ops.concatenate([_places(inputs.tokens), ops.repeat(places, k, 1)], 1),
            "memory": memory,
            "additional": inputs.additional,
            "tables": [table for table, _ in inputs.started],
            "draws": inputs.draws,
        }
        states = [state for _, state in inputs.started]
        state = {
            "t": ops.convert_to_tensor(0, "int32"),
            "current": ops.broadcast_to(last, (b, k)),
            "chosen": self.strategy.start(b, m, self.pad_id),
            "visible": ops.zeros((b, k, m, k), "bool"),
            "constraints": keras.tree.map_structure(
                lambda x: ops.repeat(x[:, None], k, axis=1), states
            ),
            "caches": caches,
        }
        return fixed, state

    def _until(self, fixed, state, stop):
        """Return the state after `stop` steps, or earlier if nothing can change any more."""

        def cond(state):
            return ops.logical_and(state["t"] < stop, self.strategy.running(state["chosen"]))

        return ops.while_loop(cond, lambda state: (self._next(fixed, state),), (state,))[0]

    def _finish(self, fixed, state, stop):
        """Return the strategy's results after `stop` steps."""
        return self.strategy.results(self._until(fixed, state, stop)["chosen"])

    def _next(self, fixed, state):
        """Return the state after one more step."""
        t = state["t"]
        logits, visible, caches = self._feed(fixed, state)
        active = list(zip(self.constraints, fixed["tables"], state["constraints"], strict=True))
        scores = constrained(active, self.strategy.scored(logits), t, self.ends)
        draws = ops.take(fixed["draws"], t, axis=2) if len(fixed["draws"]) else ()
        chosen = self._compared(fixed, state, visible, caches)
        chosen, parents, current = self.strategy.step(
            chosen, logits, scores, draws, t, self.ends, self.pad_id
        )
        states = state["constraints"]
        if parents is not None:
            visible, states = keras.tree.map_structure(
                lambda x: take_beams(x, parents), (visible, states)
            )
        return {
            "t": t + 1,
            "current": current,
            "chosen": chosen,
            "visible": visible,
            "constraints": [
                constraint.advance(table, x, current, t)
                for (constraint, table, _), x in zip(active, states, strict=True)
            ],
            "caches": caches,
        }

    def _feed(self, fixed, state):
        """Feed the current tokens (b, k).

        Returns:
            (logits (b, k, v) float32, visible with these tokens, caches with these tokens).
        """
        t, current, caches = state["t"], state["current"], state["caches"]
        (b, k), n = ops.shape(current), ops.shape(fixed["prompt"])[1]
        position = ops.broadcast_to((fixed["lengths"] - 1 + t)[:, None], (b, k))
        visible = self._with_current(fixed, state)
        mask = self._mask(fixed, visible)
        segment = ops.broadcast_to(ops.where(t == 0, *fixed["segments"]), (b, k))
        inputs = self.graphs.arrange(current, segment, position, fixed["additional"])
        first, last = n + t * k, self._growing
        inputs += [position, fixed["slots"], mask[:, None], first]
        logits, *written = self._step([*inputs, *caches[:last], *fixed["memory"]])
        hidden = zip(caches[last:], written[last:], strict=True)
        hidden = [backend.write_slots(slab, x[:, None], first) for slab, x in hidden]
        return bounded(ops.cast(logits, "float32")), visible, [*written[:last], *hidden]

    def _with_current(self, fixed, state):
        """Return `visible` where each hypothesis sees its own current token.

        Padding in a prompt is masked, but a token that was generated is none, whatever its id.
        """
        k = self.strategy.width
        now = (fixed["steps"] == state["t"])[None, None, :, None]  # (1, 1, m, 1)
        own = ops.eye(k, dtype="bool")[None, :, None, :]  # (1, k, 1, k)
        seen = ops.logical_or(self._is_seen(state["current"]), state["t"] > 0)
        current = ops.logical_and(ops.logical_and(now, own), seen[:, None, None, :])
        return ops.logical_or(state["visible"], current)

    def _compared(self, fixed, state, visible, caches):
        """Return the state after `strategy.compare`, which contrastive search overrides."""
        if not self.strategy.compares:
            return state["chosen"]
        before = (fixed["steps"] < state["t"])[:, None]
        earlier = self._mask(fixed, ops.logical_and(visible, before))
        first = ops.shape(fixed["prompt"])[1] + state["t"] * self.strategy.width
        return self.strategy.compare(state["chosen"], caches[-1][:, 0], first, earlier)

    @staticmethod
    def _mask(fixed, visible):
        """Return the slots (b, k, n + m k) that hypotheses see: of the prompt and of `visible`."""
        b, k, *_ = ops.shape(visible)
        prompt = ops.broadcast_to(fixed["prompt"][:, None], (b, k, ops.shape(fixed["prompt"])[1]))
        return ops.concatenate([prompt, ops.reshape(visible, (b, k, -1))], axis=-1)

    def _resumed(self, inputs):
        """Return each prompt's last token and its segment, (b, 1), and the slots seen before it.

        The first step feeds the last token of the prompt again, as the first of every hypothesis:
        its logits are wanted, and those of `prefill` are not computed.
        """
        last, places = inputs.lengths[:, None] - 1, _places(inputs.tokens)
        seen = ops.logical_and(places < last, self._is_seen(inputs.tokens))  # (b, n)
        return *(ops.take_along_axis(x, last, axis=1) for x in inputs[:2]), seen

    @property
    def _growing(self):
        """Number of caches that a step writes to; the keys and values of a source stay."""
        return len(self.graphs.prefill.outputs) - self.graphs.kept

    def _prefilled(self, inputs, room):
        """Return the prompts' caches with `room` for new tokens, and the source's as `step` asks.

        If the strategy compares hidden states, these are cached like the keys of one more head.
        """
        tokens, source = inputs.tokens, inputs.source
        arguments = tokens, inputs.segments, _places(tokens), inputs.additional
        slabs = self._prefill(self.graphs.arrange(*arguments, *source), training=False)
        first, last = self._growing, len(self.graphs.prefill.outputs)
        caches = [*slabs[:first], *(hidden[:, None] for hidden in slabs[last:])]
        caches = [ops.pad(slab, [(0, 0), (0, 0), (0, room), (0, 0)]) for slab in caches]
        masks = [(ids != self.graphs.masked_id)[:, None, None] for ids in source]
        return caches, [*map(_places, source), *masks, *slabs[first:last]]

    def _is_seen(self, ids):
        """Return booleans (b, n): the tokens that the model does not mask; a decoder masks none."""
        if self.graphs.masked_id is None or self.graphs.context is not None:
            return ops.ones_like(ids, dtype="bool")
        return ids != self.graphs.masked_id


def _places(ids):
    """Return 0, 1, 2, ... in the shape (b, n) of the ids."""
    return ops.broadcast_to(ops.arange(ids.shape[1], dtype="int32"), ids.shape)
