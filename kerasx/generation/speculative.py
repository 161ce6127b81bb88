"""Greedy decoding in fewer steps: a small model drafts tokens, the large one checks them."""

from typing import NamedTuple

import keras
from keras import ops

from kerasx import backend
from kerasx.generation.generator import Generator
from kerasx.generation.prompts import check_integer
from kerasx.generation.strategies.greedy import Greedy
from kerasx.generation.strategies.strategy import is_end, log_probability

__all__ = ["Speculated", "SpeculativeGenerator"]


class Speculated(NamedTuple):
    """What a `SpeculativeGenerator` returns, one entry for each prompt.

    Attributes:
        sequences, scores: as in `Generated`, with one hypothesis each.
        steps: number of steps of the large model after it has read the prompt.
        proposed: number of draft tokens that could have been used: up to the draft's end token and
            the longest continuation.
        accepted: number of these that are the large model's own.
    """

    sequences: list
    scores: list
    steps: list
    proposed: list
    accepted: list

    @property
    def best(self):
        """The sequence of each prompt."""
        return [hypotheses[0] for hypotheses in self.sequences]

    @property
    def acceptance_rate(self):
        """Accepted draft tokens per proposed one, over all prompts; NaN where none were."""
        return sum(self.accepted) / sum(self.proposed) if sum(self.proposed) else float("nan")


class _Counted(Greedy):
    """Greedy choice that counts tokens, steps and drafts."""

    counts = ("tokens", "steps", "proposed", "accepted")

    def start(self, batch, steps, pad_id):
        counts = {name: ops.zeros((batch, 1), "int32") for name in self.counts}
        return {**super().start(batch, steps, pad_id), **counts}

    def results(self, state):
        return *super().results(state), *(state[name][:, 0] for name in self.counts[1:])


class SpeculativeGenerator(Generator):
    """The greedy continuations of a large model, sooner: a small one drafts what it may say.

    In each round the draft model proposes g tokens, one after the other; the model then reads the
    last token and these g in one step, and keeps those that it would have chosen itself, up to the
    first difference, and its own choice there. So every step gives 1 to g + 1 tokens, and these
    are the tokens of `Generator(model)`, whatever the draft is (but for ties within rounding).

    The rows of a batch accept different numbers of tokens. Each has its own positions; new keys
    and values are written to the same slots for all rows, behind the last slot that any row kept,
    and the mask says which slots count: no cache is reordered, and one row wastes no slot.

    Args:
        model: as in `Generator`.
        draft: a faster model over the same token ids, of the same `application` or not, with
            or without the model's `additional_input_layers`; with an encoder if the model has one.
        draft_tokens: g, the number of tokens proposed in a round.
        end_id, max_new_tokens, min_new_tokens, **options: as in `Generator`, without `strategy`
            and `constraints`.

    Raises:
        ValueError: as in `Generator`, or the draft does not fit the model.

    Source: Leviathan et al., 2211.17192, without sampling.

    >>> from kerasx.models import build_transformer_model
    >>> config = dict(vocab_size=30, hidden_size=8, num_attention_heads=2, intermediate_size=16)
    >>> model, draft = (build_transformer_model(config, application="lm", num_hidden_layers=n)
    ...                 for n in (2, 1))
    >>> generate = SpeculativeGenerator(model, draft, draft_tokens=2, end_id=3, max_new_tokens=5)
    >>> generate([[2, 5, 6], [2, 7]]).best == Generator(model, None, 3, 5)([[2, 5, 6], [2, 7]]).best
    True
    """

    returned = Speculated

    def __init__(
        self,
        model,
        draft,
        draft_tokens=4,
        end_id=None,
        max_new_tokens=64,
        min_new_tokens=0,
        **options,
    ):
        for name in {"strategy", "constraints"} & set(options):
            raise ValueError(f"`{name}` must not be given: the model's most probable tokens are.")
        options |= dict(end_id=end_id, min_new_tokens=min_new_tokens, max_new_tokens=max_new_tokens)
        super().__init__(model, **options)
        self.strategy = _Counted()
        self.draft = Generator(draft, **options)
        self.draft_tokens = draft_tokens
        check_integer("draft_tokens", draft_tokens, 1)
        _check_draft(self.graphs, self.draft.graphs)
        step = self.draft.graphs.step
        write = keras.Model(step.inputs, step.outputs[1:])
        self._write = backend.traced(lambda inputs: write(inputs, training=False))
        self._compile([self.graphs.prefill, self.graphs.step, self.draft.graphs.prefill, step])

    def _hypotheses(self, found, scores, *counts):
        return *super()._hypotheses(found, scores), *map(int, counts)

    def _begin(self, tokens, segments, lengths, new_segments, steps, additional, source, started):
        (b, n), m, g = ops.shape(tokens), ops.shape(steps)[0], self.draft_tokens
        # each round takes a slot for every token of the row that gains most: in all at most the
        # tokens of all rows, and at most g + 1 for each token of one row
        room = m * min(b, g + 1) + g
        given = [additional, additional if self.draft.graphs.additional else []]
        caches, memory = zip(
            self._prefilled(tokens, segments, given[0], source, room),
            self.draft._prefilled(tokens, segments, given[1], source, room),
        )
        last, last_segment, prompt = self._resumed(tokens, segments, lengths)
        fixed = {
            "steps": steps,
            "lengths": lengths[:, None],
            "segments": [last_segment, new_segments[:, None]],
            "additional": given,
            "memory": list(memory),
        }
        state = {
            "first": ops.convert_to_tensor(n, "int32"),
            "current": last,
            "chosen": self.strategy.start(b, m, self.pad_id),
            "visible": ops.pad(prompt, [(0, 0), (0, room)]),
            "positions": ops.tile(ops.arange(n + room, dtype="int32")[None], (b, 1)),
            "caches": list(caches),
        }
        return fixed, state

    def _until(self, fixed, state, stop):
        """The state once every sequence has `stop` tokens or an end."""

        def cond(state):
            short = state["chosen"]["tokens"] < stop
            return ops.any(ops.logical_and(short, ops.logical_not(state["chosen"]["finished"])))

        return ops.while_loop(cond, lambda state: (self._next(fixed, state),), (state,))[0]

    def _next(self, fixed, state):
        """The state after one more step of the model."""
        chosen, first = state["chosen"], state["first"]
        m, count = ops.shape(fixed["steps"])[0], chosen["tokens"]  # (b, 1)
        now = self._round(fixed, state)
        target, draft = self._readers(fixed)
        fed, drafts = self._propose(draft, now, state["current"], count, state["caches"][1])
        place = ops.arange(self.draft_tokens + 1, dtype="int32")
        logits, *caches = self._read(target, now, fed, place, state["caches"][0])
        tokens, gains = self._choose(logits, count + place)
        room = ops.where(chosen["finished"], 0, m - count)
        kept, proposed, accepted = self._judge(fed[:, 1:], tokens, room)
        gained, seen = _sum(kept), ops.logical_and(kept, self._is_seen(fed, now.position))
        ended = ops.any(ops.logical_and(kept, is_end(tokens, self.ends)), axis=1, keepdims=True)
        ended = ops.logical_or(ended, gained == room)
        written = _written(chosen["sequences"][:, 0], tokens, fixed["steps"] - count)
        return {
            "first": first + ops.max(gained),
            "current": ops.take_along_axis(tokens, ops.maximum(gained - 1, 0), axis=1),
            "chosen": {
                "sequences": written[:, None],
                "scores": chosen["scores"] + ops.sum(ops.where(kept, gains, 0.0), 1, keepdims=True),
                "finished": ops.logical_or(chosen["finished"], ended),
                "tokens": count + gained,
                "steps": chosen["steps"] + ops.cast(room > 0, "int32"),
                "proposed": chosen["proposed"] + _sum(proposed),
                "accepted": chosen["accepted"] + _sum(accepted),
            },
            "visible": _written(now.visible, seen, now.offset),
            "positions": now.positions,
            "caches": [caches, drafts],
        }

    def _readers(self, fixed):
        """The model and the draft."""
        parts = zip((self, self.draft), fixed["additional"], fixed["memory"])
        return [_Reader(x.graphs, x._step, additional, memory) for x, additional, memory in parts]

    def _round(self, fixed, state):
        """Where the tokens of the next step lie."""
        place = ops.arange(self.draft_tokens + 1, dtype="int32")
        last = fixed["lengths"] - 1  # the position of the prompt's last token
        final = last + ops.shape(fixed["steps"])[0] - 1  # no token needs be fed beyond
        position = ops.minimum(last + state["chosen"]["tokens"] + place, final)
        segment = ops.where(position == last, *fixed["segments"])
        slots = ops.arange(state["positions"].shape[1], dtype="int32")[None]
        offset = slots - state["first"]
        positions = _written(state["positions"], position, offset)
        return _Round(state["first"], offset, state["visible"], positions, position, segment)

    def _propose(self, reader, now, current, count, caches):
        """Tokens (b, g + 1): the current ones and g that the draft puts behind them; its caches."""
        place = ops.arange(self.draft_tokens + 1, dtype="int32")

        def body(j, state):
            fed, caches = state
            logits, *caches = self._read(reader, now, fed, j + place[:1], caches)
            chosen, _ = self._choose(logits, count + j)
            return ops.where(place == j + 1, chosen, fed), caches

        fed = ops.where(place == 0, current, self.pad_id)
        fed, caches = ops.fori_loop(0, self.draft_tokens, body, (fed, caches))
        last = reader._replace(step=self._write)  # its scores are not needed
        return fed, self._read(last, now, fed, place[self.draft_tokens :], caches)

    def _read(self, reader, now, fed, places, caches):
        """One step over those of the round's tokens that are at `places` (q,)."""
        q, position = places.shape[0], ops.take(now.position, places, axis=1)
        token, segment = (ops.take(x, places, axis=1) for x in (fed, now.segment))
        before = ops.arange(fed.shape[1], dtype="int32") <= places[:, None]  # (q, g + 1)
        seen = ops.logical_and(before, self._is_seen(fed, now.position)[:, None])
        mask = _written(ops.repeat(now.visible[:, None], q, axis=1), seen, now.offset[:, None])
        inputs = reader.graphs.arrange(token, segment, position, reader.additional)
        index = now.first + places[0]
        return reader.step(
            [*inputs, position, now.positions, mask[:, None], index, *caches, *reader.memory]
        )

    def _choose(self, logits, t):
        """The most probable tokens (b, q) and their log-probabilities, the t-th (b, q) new ones."""
        scores = logits = ops.cast(logits, "float32")
        for constraint in self.constraints:
            scores = constraint.apply((), (), scores, t[..., None])
        tokens = self.strategy.choose(scores, ())
        return tokens, log_probability(logits, tokens)

    def _judge(self, drafts, chosen, room):
        """Which of the chosen tokens (b, g + 1) count, which drafts (b, g) might, and which do."""
        place = ops.arange(self.draft_tokens + 1, dtype="int32")
        inside = place < room
        same = drafts == chosen[:, :-1]
        stop = ops.logical_or(ops.logical_not(same), is_end(drafts, self.ends))
        kept = ops.logical_and(_before_any(stop), inside)
        tried = ops.logical_and(_before_any(is_end(drafts, self.ends)), inside)
        return kept, tried[:, :-1], ops.logical_and(kept[:, :-1], same)


class _Reader(NamedTuple):
    """One of the two models in the loop."""

    graphs: object
    step: object
    additional: list
    memory: list


class _Round(NamedTuple):
    """Where the tokens of a round are fed, of all s slots."""

    first: object  # the slot of the first token
    offset: object  # (1, s), the slots counted from there
    visible: object  # (b, s), the slots of tokens that stay
    positions: object  # (b, s)
    position: object  # (b, g + 1), of the round's tokens
    segment: object  # (b, g + 1)


def _written(x, values, offset):
    """x (..., s) with values (..., i) where `offset`, broadcast to x, counts 0 to i - 1."""
    offset = ops.broadcast_to(offset, ops.shape(x))
    found = ops.take_along_axis(values, ops.clip(offset, 0, values.shape[-1] - 1), axis=-1)
    inside = ops.logical_and(offset >= 0, offset < values.shape[-1])
    return ops.where(inside, found, x)


def _before_any(flags):
    """flags (b, g) -> (b, g + 1), whether none is set before a place."""
    return ops.cumsum(ops.pad(ops.cast(flags, "int32"), [(0, 0), (1, 0)]), axis=1) == 0


def _sum(flags):
    return ops.sum(ops.cast(flags, "int32"), axis=1, keepdims=True)


def _check_draft(graphs, draft):
    """Raise unless the draft can go wherever the model goes."""
    shapes, theirs = ([x.shape for x in g.additional] for g in (graphs, draft))
    demands = {
        "the same number of token ids": draft.vocabulary == graphs.vocabulary,
        "an encoder if the model has one, none otherwise": bool(draft.kept) == bool(graphs.kept),
        "as many segment ids": _reaches(draft.segments, graphs.segments or 1),
        "as many positions": _reaches(draft.reach, graphs.reach),
        "the same sequence_length, or none": draft.length in (None, graphs.length),
        "the same additional inputs, or none": theirs in ([], shapes),
    }
    for demand, met in demands.items():
        if not met:
            raise ValueError(f"`draft` must have {demand}, to go along with the model.")


def _reaches(limit, wanted):
    return limit is None or (wanted is not None and limit >= wanted)
