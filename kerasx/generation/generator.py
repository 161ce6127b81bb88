"""Generation in batch: the prompt read once, then one compiled loop over a fixed-size cache."""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from kerasx import backend
from kerasx.generation.cache import DecodingGraphs
from kerasx.generation.constraint import Constraint, NoEndBefore
from kerasx.generation.prompts import (
    check_integer,
    check_lengths,
    checked_additional,
    checked_prompts,
    checked_starts,
)
from kerasx.generation.strategies import NEVER, BeamSearch, Greedy

__all__ = ["Generated", "Generator"]


class Generated(NamedTuple):
    """What a `Generator` returns, one entry for each prompt.

    Attributes:
        sequences: for each prompt the token ids of its hypotheses, best first, without the end.
        scores: for each prompt the hypotheses' log-probabilities.
    """

    sequences: list
    scores: list

    @property
    def best(self):
        """The best sequence of each prompt."""
        return [hypotheses[0] for hypotheses in self.sequences]


class Generator:
    """Generate with a language model (application "lm" or "unilm") or an encoder-decoder, in batch.

    The prompt is read in one pass; its keys and values are shared by its beams. The beams of a
    prompt are then fed as the n tokens of one sequence, and the mask says which earlier tokens
    each of them descends from: choosing parents rearranges a few booleans, never the cache.
    With an encoder, the prompts are the sources: each is encoded once, and its keys and values
    stay for all steps; the decoder starts with `start_id`.

    The model's weights are read anew at each call. The settings are compiled in: to change one,
    make another Generator.

    Args:
        model: a keras.Model from `build_transformer_model`.
        strategy: `Greedy()` (the default) or `BeamSearch(width)`.
        end_id: the token that ends a sequence, or None.
        max_new_tokens: longest continuation.
        min_new_tokens: no end before that many tokens.
        segment_id: segment of the generated tokens; by default 1 for UniLM, and the segment of the
            prompt's last token otherwise.
        batch_size: prompts decoded at once.
        pad_id: what fills up the rows of an array of prompts; by default what the model masks,
            else 0.
        prompt_multiple: prompts are padded to a multiple of this length: few shapes to compile.
        start_id: what a decoder behind an encoder starts with, the `decoder_start_token_id` of its
            configuration: 0 for T5, 2 for English BART.
        constraints: `Constraint` objects, which change the scores of the next token in this order.

    Raises:
        ValueError: the model has no causal or UniLM mask, or a setting is out of range.

    >>> from kerasx.models import build_transformer_model
    >>> model = build_transformer_model(
    ...     dict(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...          intermediate_size=16), application="unilm")
    >>> generate = Generator(model, end_id=3, max_new_tokens=5)
    >>> len(generate([[2, 5, 6, 3], [2, 7, 3]]).best)
    2
    """

    returned = Generated

    def __init__(
        self,
        model,
        strategy=None,
        end_id=None,
        max_new_tokens=64,
        min_new_tokens=0,
        segment_id=None,
        batch_size=32,
        pad_id=None,
        prompt_multiple=16,
        start_id=None,
        constraints=(),
    ):
        self.graphs = DecodingGraphs(model)
        self.strategy = Greedy() if strategy is None else strategy
        self.end_id = end_id
        self.max_new_tokens = max_new_tokens
        self.min_new_tokens = min_new_tokens
        self.segment_id = segment_id
        self.batch_size = batch_size
        self.pad_id = self.graphs.masked_id or 0 if pad_id is None else pad_id
        self.prompt_multiple = prompt_multiple
        self.start_id = start_id
        self.constraints = tuple(constraints)
        self._check_settings()
        if end_id is not None and min_new_tokens:
            self.constraints += (NoEndBefore([end_id], min_new_tokens),)
        self._step = backend.traced(lambda inputs: self.graphs.step(inputs, training=False))
        self._loop = backend.compiled(self._decode, [self.graphs.prefill, self.graphs.step])

    def _check_settings(self):
        if not isinstance(self.strategy, BeamSearch):
            raise ValueError(
                "`strategy` must be Greedy() or BeamSearch(width). "
                f"Received: strategy={self.strategy!r}"
            )
        if not all(isinstance(x, Constraint) for x in self.constraints):
            raise ValueError(
                "`constraints` must be kerasx.generation.Constraint objects. "
                f"Received: constraints={self.constraints!r}"
            )
        for name in ("max_new_tokens", "batch_size", "prompt_multiple"):
            check_integer(name, getattr(self, name), 1)
        check_integer("min_new_tokens", self.min_new_tokens, 0)
        if self.end_id is not None:
            check_integer("end_id", self.end_id, 0, self.graphs.vocabulary)
        if self.segment_id is not None:
            check_integer("segment_id", self.segment_id, 0, self.graphs.segments)
        if self.start_id is not None:
            check_integer("start_id", self.start_id, 0, self.graphs.vocabulary)
        if self.graphs.kind == "unilm" and self.segment_id == 0:
            raise ValueError(
                "`segment_id` must be positive for UniLM: tokens of segment 0 see each other whole."
            )

    def __call__(
        self,
        token_ids,
        segment_ids=None,
        additional_inputs=(),
        max_new_tokens=None,
        verbose=0,
        decoder_token_ids=None,
    ):
        """Continue each prompt, or answer each source.

        Args:
            token_ids: lists of token ids (each at least one), or an array (b, n) padded at the
                end; with an encoder, the sources.
            segment_ids: the prompts' segment ids likewise; all 0 by default.
            additional_inputs: arrays (b, ...) for the model's `additional_input_layers`, in their
                order, one row for each prompt: conditional generation.
            max_new_tokens: longest continuation, if not the generator's own; compiled separately.
            verbose: 1 for a progress bar.
            decoder_token_ids: with an encoder, what the decoder continues, as `token_ids`;
                [start_id] each by default.

        Returns:
            `Generated`, in the order of the prompts.

        Raises:
            ValueError: an id out of the vocabulary, or a prompt too long for the position table.
        """
        new = self.max_new_tokens if max_new_tokens is None else max_new_tokens
        check_integer("max_new_tokens", new, 1)
        prompts = checked_prompts(self.graphs, token_ids, segment_ids, self.pad_id)
        sources = prompts if self.graphs.kept else None
        prompts = checked_starts(self, prompts, segment_ids, decoder_token_ids)
        check_lengths(self.graphs, prompts, new, sources)
        additional = checked_additional(self.graphs, additional_inputs, len(prompts))
        order = sorted(range(len(prompts)), key=lambda i: len((sources or prompts)[i][0]))
        batches = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        progress = keras.utils.Progbar(len(batches), verbose=verbose, unit_name="batch")
        results = [None] * len(prompts)
        for done, batch in enumerate(batches, 1):
            full = len(batches) > 1
            found = self._generate_batch(prompts, sources, batch, additional, new, full)
            for i, result in zip(batch, found, strict=True):
                results[i] = result
            progress.update(done)
        return self.returned(*([r[i] for r in results] for i in range(len(self.returned._fields))))

    def _generate_batch(self, prompts, sources, batch, additional, new, full):
        """The fields of `returned`, for each of the prompts numbered in `batch`.

        The batch is filled up with its last prompt, to `batch_size` among others of that size and
        to a power of two when alone: few shapes to compile.
        """
        size = self.batch_size if full else min(self.batch_size, 1 << (len(batch) - 1).bit_length())
        rows = batch + [batch[-1]] * (size - len(batch))
        ids, segments = zip(*(prompts[i] for i in rows))
        lengths = np.array([len(x) for x in ids], "int32")
        n = self._padded_length(max(lengths))
        source = [self._padded_sources([sources[i][0] for i in rows])] if sources else []
        continued, given = ([x[i][0].tolist() for i in rows] for x in (prompts, sources or prompts))
        started = [
            c.start(continued if c.of_continued else given, self.graphs.vocabulary, new)
            for c in self.constraints
        ]
        found = self._loop(
            _padded(ids, n),
            _padded(segments, n),
            lengths,
            np.array([self._new_segment(s) for s in segments], "int32"),
            np.arange(new, dtype="int32"),
            [a[rows] for a in additional],
            source,
            started,
        )
        found = [ops.convert_to_numpy(x)[: len(batch)] for x in found]
        return [self._hypotheses(*row) for row in zip(*found, strict=True)]

    def _padded_length(self, longest):
        if self.graphs.length is not None:
            return self.graphs.length
        if longest == 1 and self.graphs.kept:
            return 1  # a decoder's start
        n = -(-longest // self.prompt_multiple) * self.prompt_multiple
        return n if self.graphs.reach is None else min(n, self.graphs.reach)

    def _padded_sources(self, sources):
        """(b, m), filled up with what the encoder masks."""
        return _padded(sources, self._padded_length(max(map(len, sources))), self.graphs.masked_id)

    def _new_segment(self, segments):
        if self.segment_id is not None:
            return self.segment_id
        return 1 if self.graphs.kind == "unilm" else segments[-1]

    def _hypotheses(self, found, scores):
        """Token lists up to the end token, without the beams that never were."""
        kept = max(1, np.sum(scores > NEVER / 2))
        found = [ids.tolist() for ids in found[:kept]]
        ends = [ids.index(self.end_id) if self.end_id in ids else len(ids) for ids in found]
        return [ids[:end] for ids, end in zip(found, ends)], scores[:kept].tolist()

    def _decode(self, tokens, segments, lengths, new_segments, steps, additional, source, started):
        """The pure function that is compiled: prompts to (tokens (b, k, m), scores (b, k))."""
        (b, n), k, m = ops.shape(tokens), self.strategy.width, ops.shape(steps)[0]
        caches, memory = self._prefilled(tokens, segments, additional, source, room=k * m)
        last, last_segment, prompt = self._resumed(tokens, segments, lengths)
        prompt = ops.broadcast_to(prompt[:, None], (b, k, n))
        places = lengths[:, None] - 1 + steps  # (b, m)
        slots = ops.concatenate([_places(tokens), ops.repeat(places, k, 1)], 1)
        tables, states = [table for table, _ in started], [state for _, state in started]
        own = ops.eye(k, dtype="bool")[None, :, None, :]  # (1, k, 1, k)

        def cond(t, current, sequences, scores, finished, visible, states, caches):
            return ops.logical_and(t < m, ops.logical_not(ops.all(finished)))

        def body(t, current, sequences, scores, finished, visible, states, caches):
            now = (steps == t)[None, None, :, None]  # (1, 1, m, 1)
            position = ops.broadcast_to((lengths - 1 + t)[:, None], (b, k))
            seen = self._is_seen(current, position)[:, None, None, :]  # (b, 1, 1, k)
            visible = ops.logical_or(visible, ops.logical_and(ops.logical_and(now, own), seen))
            mask = ops.concatenate([prompt, ops.reshape(visible, (b, k, m * k))], axis=-1)
            segment = ops.where(t == 0, last_segment, new_segments[:, None])
            segment = ops.broadcast_to(segment, (b, k))
            inputs = self.graphs.arrange(current, segment, position, additional)
            logits, *caches = self._step(
                [*inputs, position, slots, mask[:, None], n + t * k, *caches, *memory]
            )
            logits = ops.cast(logits, "float32")
            for constraint, table, state in zip(self.constraints, tables, states):
                logits = constraint.apply(table, state, logits, t)
            scores, parents, current = self.strategy.select(scores, logits, finished, self.pad_id)
            sequences = ops.where(now[..., 0], current[..., None], _take_beams(sequences, parents))
            finished = ops.take_along_axis(finished, parents, axis=1)
            if self.end_id is not None:
                finished = ops.logical_or(finished, current == self.end_id)
            visible = _take_beams(visible, parents)
            states = keras.tree.map_structure(lambda x: _take_beams(x, parents), states)
            states = [
                constraint.advance(table, state, current, t)
                for constraint, table, state in zip(self.constraints, tables, states)
            ]
            return t + 1, current, sequences, scores, finished, visible, states, caches

        state = (
            ops.convert_to_tensor(0, "int32"),
            ops.broadcast_to(last, (b, k)),
            ops.full((b, k, m), self.pad_id, "int32"),
            self.strategy.start(b),
            ops.zeros((b, k), "bool"),
            ops.zeros((b, k, m, k), "bool"),
            keras.tree.map_structure(lambda x: ops.repeat(x[:, None], k, axis=1), states),
            caches,
        )
        _, _, sequences, scores, *_ = ops.while_loop(cond, body, state)
        return sequences, scores

    def _resumed(self, tokens, segments, lengths):
        """The last token of each prompt and its segment, (b, 1), and what is seen of the others.

        The last token is fed again as the first of every beam.
        """
        last = lengths[:, None] - 1
        places = _places(tokens)
        seen = ops.logical_and(places < last, self._is_seen(tokens, places))  # (b, n)
        return *(ops.take_along_axis(x, last, axis=1) for x in (tokens, segments)), seen

    def _prefilled(self, tokens, segments, additional, source, room, prefill=None):
        """The prompts' keys and values, with `room` for those of new tokens, and the source's."""
        inputs = self.graphs.arrange(tokens, segments, _places(tokens), additional, *source)
        slabs = (prefill or self.graphs.prefill)(inputs, training=False)
        first = len(self.graphs.prefill.outputs) - self.graphs.kept
        caches = [ops.pad(slab, [(0, 0), (0, 0), (0, room), (0, 0)]) for slab in slabs[:first]]
        masks = [self._is_seen(ids, _places(ids))[:, None, None] for ids in source]
        return caches, [*map(_places, source), *masks, *slabs[first:]]

    def _is_seen(self, ids, positions):
        """Where other tokens may look, as the model's own embedding masks them."""
        if self.graphs.masked_id is None:
            return ops.ones_like(ids, dtype="bool")
        return ops.logical_or(ids != self.graphs.masked_id, positions == 0)


def _take_beams(x, parents):
    """x (b, k, ...) reordered so that beam i is its parent's: x[b, parents[b, i]]."""
    index = backend.align(parents, [0, 1], len(x.shape))
    return ops.take_along_axis(x, ops.broadcast_to(index, ops.shape(x)), axis=1)


def _places(ids):
    """0, 1, 2, ... in the shape (b, n) of the ids."""
    return ops.broadcast_to(ops.arange(ids.shape[1], dtype="int32"), ids.shape)


def _padded(rows, n, value=0):
    return np.stack([np.pad(row, (0, n - len(row)), constant_values=value) for row in rows])
