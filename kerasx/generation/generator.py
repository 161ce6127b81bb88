"""Generation in batch: the prompt read once, then one compiled loop over a fixed-size cache."""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from kerasx import backend
from kerasx.generation.cache import DecodingGraphs
from kerasx.generation.strategies import NEVER, Greedy

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
    """Generate with a language model (application "lm" or "unilm"), in batch.

    The prompt is read in one pass; its keys and values are shared by its beams. The beams of a
    prompt are then fed as the n tokens of one sequence, and the mask says which earlier tokens
    each of them descends from: choosing parents rearranges a few booleans, never the cache.

    Args:
        model: a keras.Model from `build_transformer_model`.
        strategy: `Greedy()` or `BeamSearch(width)`.
        end_id: the token that ends a sequence, or None.
        max_new_tokens: longest continuation.
        min_new_tokens: no end before that many tokens.
        segment_id: segment of the generated tokens; by default 1 for UniLM, and the segment of the
            prompt's last token otherwise.
        batch_size: prompts decoded at once.
        pad_id: the padding token.
        prompt_multiple: prompts are padded to a multiple of this length: few shapes to compile.

    >>> from kerasx.models import build_transformer_model
    >>> model = build_transformer_model(
    ...     dict(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...          intermediate_size=16), application="unilm")
    >>> generate = Generator(model, end_id=3, max_new_tokens=5)
    >>> len(generate([[2, 5, 6, 3], [2, 7, 3]]).best)
    2
    """

    def __init__(
        self,
        model,
        strategy=None,
        end_id=None,
        max_new_tokens=64,
        min_new_tokens=0,
        segment_id=None,
        batch_size=32,
        pad_id=0,
        prompt_multiple=16,
    ):
        self.graphs = DecodingGraphs(model)
        self.strategy = strategy or Greedy()
        self.end_id = end_id
        self.max_new_tokens = max_new_tokens
        self.min_new_tokens = min_new_tokens
        self.segment_id = segment_id
        self.batch_size = batch_size
        self.pad_id = pad_id
        self.prompt_multiple = prompt_multiple
        self._loop = backend.compiled(self._decode, [self.graphs.prefill, self.graphs.step])

    def __call__(self, token_ids, segment_ids=None, verbose=0):
        """Continue each prompt.

        Args:
            token_ids: lists of token ids (each at least one), or an array (b, n) padded at the end.
            segment_ids: the prompts' segment ids likewise; all 0 by default.
            verbose: 1 for a progress bar.

        Returns:
            `Generated`, in the order of the prompts.
        """
        prompts = self._checked(token_ids, segment_ids)
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i][0]))
        batches = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        progress = keras.utils.Progbar(len(batches), verbose=verbose, unit_name="batch")
        results = [None] * len(prompts)
        for done, batch in enumerate(batches, 1):
            rows = self.batch_size if len(batches) > 1 else len(batch)
            found = self._generate([prompts[i] for i in batch], rows)
            for i, result in zip(batch, found, strict=True):
                results[i] = result
            progress.update(done)
        return Generated([r[0] for r in results], [r[1] for r in results])

    def _checked(self, token_ids, segment_ids):
        """Prompts as pairs of lists, validated."""
        vocabulary = self.graphs.step.outputs[0].shape[-1]
        prompts = []
        for i, row in enumerate(token_ids):
            ids = np.asarray(row, dtype="int32").reshape(-1)
            if isinstance(token_ids, np.ndarray):
                ids = ids[: np.max(np.nonzero(ids != self.pad_id)[0], initial=-1) + 1]
            if not len(ids) or ids.min() < 0 or ids.max() >= vocabulary:
                raise ValueError(
                    f"`token_ids` must be non-empty lists of ids in [0, {vocabulary}). "
                    f"Received at {i}: {ids.tolist()[:20]}"
                )
            segments = np.zeros_like(ids) if segment_ids is None else segment_ids[i]
            segments = np.asarray(segments, "int32")[: len(ids)]
            if len(segments) != len(ids):
                raise ValueError(
                    "`segment_ids` must be as long as `token_ids`. "
                    f"Received at {i}: {len(segments)} and {len(ids)}"
                )
            prompts.append((ids, segments))
        return prompts

    def _generate(self, prompts, size):
        """[(sequences, scores)] of one batch, filled up to `size` rows with its last prompt."""
        rows = prompts + [prompts[-1]] * (size - len(prompts))
        longest = max(len(ids) for ids, _ in rows)
        n = -(-longest // self.prompt_multiple) * self.prompt_multiple
        tokens = self._padded([ids for ids, _ in rows], n)
        segments = self._padded([s for _, s in rows], n)
        lengths = np.array([len(ids) for ids, _ in rows], "int32")
        new_segments = np.array([self._new_segment(s) for _, s in rows], "int32")
        found, scores = self._loop(tokens, segments, lengths, new_segments)
        found, scores = ops.convert_to_numpy(found), ops.convert_to_numpy(scores)
        return [self._hypotheses(f, s) for f, s in zip(found[: len(prompts)], scores)]

    def _padded(self, rows, n):
        return np.stack([np.pad(row, (0, n - len(row)), constant_values=0) for row in rows])

    def _new_segment(self, segments):
        if self.segment_id is not None:
            return self.segment_id
        return 1 if self.graphs.kind == "unilm" else segments[-1]

    def _hypotheses(self, found, scores):
        """Token lists up to the end token, without the beams that never were."""
        kept = [(ids.tolist(), float(s)) for ids, s in zip(found, scores) if s > NEVER / 2]
        ends = [ids.index(self.end_id) if self.end_id in ids else len(ids) for ids, _ in kept]
        return [ids[:end] for (ids, _), end in zip(kept, ends)], [s for _, s in kept]

    def _decode(self, tokens, segments, lengths, new_segments):
        """The pure function that is compiled: prompts to (tokens (b, k, t), scores (b, k))."""
        (b, n), k, steps = ops.shape(tokens), self.strategy.width, self.max_new_tokens
        caches = self.graphs.prefill(self._named(tokens, segments), training=False)
        room = [(0, 0), (0, 0), (0, k * steps), (0, 0)]
        caches = [ops.pad(cache, room) for cache in caches]
        # the last token of the prompt is fed again as the first of every beam
        prompt = ops.arange(n)[None, :] < lengths[:, None] - 1
        prompt = ops.broadcast_to(prompt[:, None], (b, k, n))
        last = ops.take_along_axis(tokens, lengths[:, None] - 1, axis=1)
        last_segment = ops.take_along_axis(segments, lengths[:, None] - 1, axis=1)
        own = ops.eye(k, dtype="bool")[None, :, None, :]  # (1, k, 1, k)

        def cond(t, current, sequences, scores, finished, visible, caches):
            return ops.logical_and(t < steps, ops.logical_not(ops.all(finished)))

        def body(t, current, sequences, scores, finished, visible, caches):
            now = (ops.arange(steps) == t)[None, None, :, None]  # (1, 1, t, 1)
            visible = ops.logical_or(visible, ops.logical_and(now, own))  # (b, k, t, k)
            mask = ops.concatenate([prompt, ops.reshape(visible, (b, k, steps * k))], axis=-1)
            segment = ops.where(t == 0, last_segment, new_segments[:, None])
            position = ops.broadcast_to((lengths - 1 + t)[:, None], (b, k))
            logits, *caches = self.graphs.step(
                [
                    *self._named(current, ops.broadcast_to(segment, (b, k))),
                    position,
                    mask[:, None],
                    n + t * k,
                    *caches,
                ],
                training=False,
            )
            logits = self._without_end(logits, t)
            scores, parents, current = self.strategy.select(scores, logits, finished, self.pad_id)
            sequences = _take_beams(sequences, parents)
            sequences = ops.where(now[..., 0], current[..., None], sequences)
            finished = ops.take_along_axis(finished, parents, axis=1)
            if self.end_id is not None:
                finished = ops.logical_or(finished, current == self.end_id)
            visible = _take_beams(visible, parents)
            return t + 1, current, sequences, scores, finished, visible, caches

        state = (
            ops.convert_to_tensor(0, "int32"),
            ops.broadcast_to(last, (b, k)),
            ops.full((b, k, steps), self.pad_id, "int32"),
            self.strategy.start(b),
            ops.zeros((b, k), "bool"),
            ops.zeros((b, k, steps, k), "bool"),
            caches,
        )
        _, _, sequences, scores, *_ = ops.while_loop(cond, body, state)
        return sequences, scores

    def _named(self, tokens, segments):
        """The model's inputs, in its order."""
        given = {"Token": tokens, "Segment": segments}
        return [given[name.rsplit("-", 1)[-1]] for name in self.graphs.input_names]

    def _without_end(self, logits, t):
        if self.end_id is None or not self.min_new_tokens:
            return logits
        is_end = ops.arange(logits.shape[-1]) == self.end_id
        banned = ops.logical_and(is_end, t < self.min_new_tokens)
        return ops.where(banned, ops.cast(NEVER, logits.dtype), logits)


def _take_beams(x, parents):
    """x (b, k, ...) reordered so that beam i is its parent's: x[b, parents[b, i]]."""
    index = backend.align(parents, [0, 1], len(x.shape))
    return ops.take_along_axis(x, ops.broadcast_to(index, ops.shape(x)), axis=1)
