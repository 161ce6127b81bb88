"""The compiled part of a `Generator`: pure functions of tensors, from prompts to sequences."""

import keras
from keras import ops

from kerasx import backend
from kerasx.generation.constraints.constraint import constrained
from kerasx.generation.strategies.strategy import take_beams

__all__ = ["DecodingLoop"]


class DecodingLoop:
    """Prompts read once, then one token at a time for each of k hypotheses.

    The hypotheses of a prompt are fed as the n tokens of one sequence, and the mask says which
    earlier tokens each of them descends from: choosing parents rearranges a few booleans, never
    the cache. What stays the same in all steps is called fixed, what changes the state; both are
    dictionaries of tensors.

    Args:
        graphs: `DecodingGraphs`.
        strategy: a `Strategy`.
        constraints: tuple of `Constraint` objects.
        ends: tuple of the ids that end a sequence.
        pad_id: what fills up sequences.
    """

    def __init__(self, graphs, strategy, constraints, ends, pad_id):
        self.graphs = graphs
        self.strategy = strategy
        self.constraints = constraints
        self.ends = ends
        self.pad_id = pad_id
        plain = graphs.prefill, graphs.step
        self._prefill, step = graphs.with_hidden() if strategy.compares else plain
        self._step = backend.traced(lambda inputs: step(inputs, training=False))

    def _compile(self, layers):
        """Prompts and new tokens apart: the compiler takes less memory at a time."""
        self._first, self._more, self._rest = (
            backend.compiled(f, layers) for f in (self._begin, self._until, self._finish)
        )

    def _begin(
        self, tokens, segments, lengths, new_segments, steps, additional, source, started, draws=()
    ):
        """(fixed, state) for prompts (b, n) with their segments, lengths (b,), the segment of what
        is new (b,), steps 0..m-1, and what else the model, constraints and strategy need."""
        b, k, m = ops.shape(tokens)[0], self.strategy.width, ops.shape(steps)[0]
        caches, memory = self._prefilled(tokens, segments, additional, source, room=k * m)
        last, last_segment, prompt = self._resumed(tokens, segments, lengths)
        places = lengths[:, None] - 1 + steps  # (b, m)
        slots = ops.concatenate([_places(tokens), ops.repeat(places, k, 1)], 1)
        tables, states = [table for table, _ in started], [state for _, state in started]
        fixed = {
            "steps": steps,
            "lengths": lengths,
            "prompt": prompt,
            "segments": [last_segment, new_segments[:, None]],
            "slots": slots,
            "memory": memory,
            "additional": additional,
            "tables": tables,
            "draws": draws,
        }
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
        """The state after `stop` tokens, or earlier if nothing can change any more."""

        def cond(state):
            return ops.logical_and(state["t"] < stop, self.strategy.running(state["chosen"]))

        return ops.while_loop(cond, lambda state: (self._next(fixed, state),), (state,))[0]

    def _finish(self, fixed, state, stop):
        """What the strategy results in after `stop` tokens: tokens (b, k, m), scores (b, k)."""
        return self.strategy.results(self._until(fixed, state, stop)["chosen"])

    def _next(self, fixed, state):
        """The state after one more token."""
        t, caches, visible = state["t"], state["caches"], state["visible"]
        logits, visible, caches = self._feed(fixed, t, state["current"], visible, caches)
        active = list(zip(self.constraints, fixed["tables"], state["constraints"], strict=True))
        scores = constrained(active, self.strategy.scored(logits), t, self.ends)
        draws = ops.take(fixed["draws"], t, axis=2) if len(fixed["draws"]) else ()
        chosen = state["chosen"]
        if self.strategy.compares:
            earlier = self._mask(fixed, ops.logical_and(visible, (fixed["steps"] < t)[:, None]))
            first = ops.shape(fixed["prompt"])[1] + t * self.strategy.width
            chosen = self.strategy.compare(chosen, caches[-1][:, 0], first, earlier)
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

    def _feed(self, fixed, t, current, visible, caches):
        """Logits (b, k, v) float32 after the current tokens (b, k), what these see, the caches."""
        (b, k), n = ops.shape(current), ops.shape(fixed["prompt"])[1]
        now = (fixed["steps"] == t)[None, None, :, None]  # (1, 1, m, 1)
        own = ops.eye(k, dtype="bool")[None, :, None, :]  # (1, k, 1, k)
        position = ops.broadcast_to((fixed["lengths"] - 1 + t)[:, None], (b, k))
        seen = self._is_seen(current, position)[:, None, None, :]  # (b, 1, 1, k)
        visible = ops.logical_or(visible, ops.logical_and(ops.logical_and(now, own), seen))
        mask = self._mask(fixed, visible)
        segment = ops.broadcast_to(ops.where(t == 0, *fixed["segments"]), (b, k))
        inputs = self.graphs.arrange(current, segment, position, fixed["additional"])
        first, last = n + t * k, self._kept_from
        inputs += [position, fixed["slots"], mask[:, None], first]
        logits, *written = self._step([*inputs, *caches[:last], *fixed["memory"]])
        hidden = zip(caches[last:], written[last:], strict=True)
        hidden = [backend.write_slots(slab, x[:, None], first) for slab, x in hidden]
        return ops.cast(logits, "float32"), visible, [*written[:last], *hidden]

    @staticmethod
    def _mask(fixed, visible):
        """visible (b, k, m, k) behind what is seen of the prompt, (b, k, slots)."""
        b, k, *_ = ops.shape(visible)
        prompt = ops.broadcast_to(fixed["prompt"][:, None], (b, k, ops.shape(fixed["prompt"])[1]))
        return ops.concatenate([prompt, ops.reshape(visible, (b, k, -1))], axis=-1)

    def _resumed(self, tokens, segments, lengths):
        """The last token of each prompt and its segment, (b, 1), and what is seen of the others.

        The last token is fed again as the first of every beam.
        """
        last = lengths[:, None] - 1
        places = _places(tokens)
        seen = ops.logical_and(places < last, self._is_seen(tokens, places))  # (b, n)
        return *(ops.take_along_axis(x, last, axis=1) for x in (tokens, segments)), seen

    @property
    def _kept_from(self):
        """Number of slabs of keys and values that grow."""
        return len(self.graphs.prefill.outputs) - self.graphs.kept

    def _prefilled(self, tokens, segments, additional, source, room):
        """The prompts' keys and values, with `room` for those of new tokens, and the source's.

        If the strategy compares them, hidden states are kept like one more head's keys.
        """
        inputs = self.graphs.arrange(tokens, segments, _places(tokens), additional, *source)
        slabs = self._prefill(inputs, training=False)
        first, last = self._kept_from, len(self.graphs.prefill.outputs)
        caches = [*slabs[:first], *(hidden[:, None] for hidden in slabs[last:])]
        caches = [ops.pad(slab, [(0, 0), (0, 0), (0, room), (0, 0)]) for slab in caches]
        masks = [self._is_seen(ids, _places(ids))[:, None, None] for ids in source]
        return caches, [*map(_places, source), *masks, *slabs[first:last]]

    def _is_seen(self, ids, positions):
        """Where other tokens may look, as the model's own embedding masks them."""
        if self.graphs.masked_id is None:
            return ops.ones_like(ids, dtype="bool")
        return ops.logical_or(ids != self.graphs.masked_id, positions == 0)


def _places(ids):
    """0, 1, 2, ... in the shape (b, n) of the ids."""
    return ops.broadcast_to(ops.arange(ids.shape[1], dtype="int32"), ids.shape)
