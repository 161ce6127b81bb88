"""Generation in batch: the prompt read once, then one compiled loop over a fixed-size cache."""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from kerasx.generation.cache import DecodingGraphs
from kerasx.generation.constraints.constraint import Constraint, NoEndBefore
from kerasx.generation.loop import DecodingLoop
from kerasx.generation.prompts import (
    check_integer,
    check_lengths,
    checked_additional,
    checked_ends,
    checked_prompts,
    checked_starts,
)
from kerasx.generation.strategies.greedy import Greedy
from kerasx.generation.strategies.strategy import NEVER, Strategy

__all__ = ["Generated", "Generator"]


class Generated(NamedTuple):
    """What a `Generator` returns, one entry for each prompt.

    Attributes:
        sequences: for each prompt the token ids of its hypotheses, best first, without the end.
        scores: for each prompt the scores of its hypotheses, log-probabilities: see the strategy.
    """

    sequences: list
    scores: list

    @property
    def best(self):
        """The best sequence of each prompt."""
        return [hypotheses[0] for hypotheses in self.sequences]


class _Requests(NamedTuple):
    prompts: list
    sources: list
    additional: list
    new: int

    def length(self, i):
        """What prompts are sorted by."""
        return len((self.sources or self.prompts)[i][0])


class Generator(DecodingLoop):
    """Generate with a language model (application "lm" or "unilm") or an encoder-decoder, in batch.

    The prompt is read in one pass; its keys and values are shared by its beams, and then the whole
    loop is one compiled function over a cache of fixed size (see `DecodingLoop`).
    With an encoder, the prompts are the sources: each is encoded once, and its keys and values
    stay for all steps; the decoder starts with `start_id`.

    The model's weights are read anew at each call. The settings are compiled in: to change one,
    make another Generator.

    Args:
        model: a keras.Model from `build_transformer_model`.
        strategy: `Greedy()` (the default), `BeamSearch(width)`, `Sampling()` or
            `ContrastiveSearch()`.
        end_id: the token that ends a sequence, a list of several, or None.
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
        graphs = DecodingGraphs(model)
        strategy = _checked_strategy(strategy)
        ends = checked_ends(end_id, graphs.vocabulary)
        pad_id = graphs.masked_id or 0 if pad_id is None else pad_id
        super().__init__(graphs, strategy, tuple(constraints), ends, pad_id)
        self.end_id = end_id
        self.max_new_tokens = max_new_tokens
        self.min_new_tokens = min_new_tokens
        self.segment_id = segment_id
        self.batch_size = batch_size
        self.prompt_multiple = prompt_multiple
        self.start_id = start_id
        self._check_settings()
        if ends and min_new_tokens:
            self.constraints += (NoEndBefore(ends, min_new_tokens),)
        self._compile([graphs.prefill, graphs.step])

    def _check_settings(self):
        if not all(isinstance(x, Constraint) for x in self.constraints):
            raise ValueError(
                "`constraints` must be kerasx.generation.Constraint objects. "
                f"Received: constraints={self.constraints!r}"
            )
        for name in ("max_new_tokens", "batch_size", "prompt_multiple"):
            check_integer(name, getattr(self, name), 1)
        check_integer("min_new_tokens", self.min_new_tokens, 0)
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
        on_token=None,
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
            on_token: a function called after each step as `on_token(numbers, tokens)`, with the
                numbers of the prompts that are decoded together and what `stream` would yield for
                them. Prompts are sorted by length.

        Returns:
            `Generated`, in the order of the prompts.

        Raises:
            ValueError: an id out of the vocabulary, or a prompt too long for the position table.
        """
        requests = self._requests(
            token_ids, segment_ids, additional_inputs, max_new_tokens, decoder_token_ids
        )
        order = sorted(range(len(requests.prompts)), key=requests.length)
        batches = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        progress = keras.utils.Progbar(len(batches), verbose=verbose, unit_name="batch")
        results = [None] * len(order)
        for done, batch in enumerate(batches, 1):
            inputs = self._inputs(requests, batch, full=len(batches) > 1)
            found = self._all(inputs) if on_token is None else self._told(on_token, batch, inputs)
            for i, row in zip(batch, self._found(found, len(batch)), strict=True):
                results[i] = row
            progress.update(done)
        return _generated(results)

    def stream(
        self,
        token_ids,
        segment_ids=None,
        additional_inputs=(),
        max_new_tokens=None,
        decoder_token_ids=None,
        chunk=1,
    ):
        """Iterate over what a call would return, token by token, as it is chosen.

        The iterator may be left at any time; nothing is computed ahead but the rest of a chunk.

        Args:
            token_ids, segment_ids, additional_inputs, max_new_tokens, decoder_token_ids: as in a
                call, for `batch_size` prompts at most.
            chunk: number of tokens that are computed at once: more of them take less time.

        Returns:
            An iterator of int32 arrays (b, k): the next token of each of the k hypotheses (those of
            `Greedy` or the samples of `Sampling`) of each prompt, -1 where it has ended. It
            returns what a call returns: `generated = yield from generate.stream(...)`.

        Raises:
            ValueError: as in a call, or the strategy takes back what it has chosen.

        >>> from kerasx.models import build_transformer_model
        >>> model = build_transformer_model(
        ...     dict(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...          intermediate_size=16), application="lm")
        >>> generate = Generator(model, max_new_tokens=3)
        >>> tokens = [x[0, 0] for x in generate.stream([[2, 5, 6]])]
        >>> tokens == generate([[2, 5, 6]]).best[0]
        True
        """
        check_integer("chunk", chunk, 1)
        requests = self._requests(
            token_ids, segment_ids, additional_inputs, max_new_tokens, decoder_token_ids
        )
        rows = list(range(len(requests.prompts)))
        check_integer("number of prompts", len(rows), 1, self.batch_size + 1)
        return self._streamed(self._stepwise(self._inputs(requests, rows), chunk), len(rows))

    def _all(self, inputs):
        """What the strategy results in for the inputs of a batch."""
        fixed, state = self._first(*inputs)
        return self._rest(fixed, state, np.int32(len(inputs[4])))

    def _streamed(self, steps, rows):
        for tokens, chosen in steps:
            yield tokens[:rows]
            last = chosen
        return _generated(self._found(self.strategy.results(last), rows))

    def _told(self, on_token, batch, inputs):
        """What the loop would return, after the function was told each step."""
        for tokens, chosen in self._stepwise(inputs):
            on_token(batch, tokens[: len(batch)])
            results = self.strategy.results(chosen)
        return results

    def _stepwise(self, inputs, chunk=1):
        """An iterator over (tokens (b, k), the strategy's state)."""
        if not self.strategy.streams:
            raise ValueError(
                "Tokens can be streamed with Greedy() or Sampling() only; a beam search takes back "
                f"what it has chosen. Received: strategy={self.strategy!r}"
            )
        return self._iterate(inputs, chunk)

    def _iterate(self, inputs, chunk):
        fixed, state = self._first(*inputs)
        steps, ended = len(inputs[4]), False
        for first in range(0, steps, chunk):
            state = self._more(fixed, state, np.int32(min(first + chunk, steps)))
            sequences = ops.convert_to_numpy(state["chosen"]["sequences"])
            for tokens in np.moveaxis(sequences[..., first : first + chunk], -1, 0):
                ended = np.logical_or(ended, np.isin(tokens, self.ends))
                yield np.where(ended, -1, tokens).astype("int32"), state["chosen"]
                if ended.all():
                    return

    def _requests(
        self, token_ids, segment_ids, additional_inputs, max_new_tokens, decoder_token_ids
    ):
        """What a call is asked for, checked."""
        new = self.max_new_tokens if max_new_tokens is None else max_new_tokens
        check_integer("max_new_tokens", new, 1)
        prompts = checked_prompts(self.graphs, token_ids, segment_ids, self.pad_id)
        sources = prompts if self.graphs.kept else None
        prompts = checked_starts(self, prompts, segment_ids, decoder_token_ids)
        check_lengths(self.graphs, prompts, new, sources, self.strategy.ahead)
        additional = checked_additional(self.graphs, additional_inputs, len(prompts))
        return _Requests(prompts, sources, additional, new)

    def _inputs(self, requests, batch, full=False):
        """What `_begin` takes, for the prompts numbered in `batch`.

        The batch is filled up with its last prompt, to `batch_size` among others of that size and
        to a power of two when alone: few shapes to compile.
        """
        size = self.batch_size if full else min(self.batch_size, 1 << (len(batch) - 1).bit_length())
        rows = batch + [batch[-1]] * (size - len(batch))
        ids, segments = zip(*(requests.prompts[i] for i in rows))
        lengths = np.array([len(x) for x in ids], "int32")
        n, new = self._padded_length(max(lengths)), requests.new + self.strategy.ahead
        sources = [requests.sources[i][0] for i in rows] if requests.sources else []
        started = [
            c.start(_lists(ids if c.of_continued else sources or ids), self.graphs.vocabulary, new)
            for c in self.constraints
        ]
        draws = self.strategy.draws(rows, new)
        return [
            _padded(ids, n),
            _padded(segments, n),
            lengths,
            np.array([self._new_segment(s) for s in segments], "int32"),
            np.arange(new, dtype="int32"),
            [a[rows] for a in requests.additional],
            [self._padded_sources(sources)] if sources else [],
            started,
            *([draws] if len(draws) else []),
        ]

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

    def _found(self, arrays, rows):
        """(token lists, scores) for each of the first rows of what the loop gave."""
        arrays = (ops.convert_to_numpy(x)[:rows] for x in arrays)
        return [self._hypotheses(*row) for row in zip(*arrays, strict=True)]

    def _hypotheses(self, found, scores):
        """Token lists up to the end token, without the beams that never were."""
        kept = max(1, np.sum(scores > NEVER / 2))
        found = found[:kept]
        ends = [np.isin(ids, self.ends) for ids in found]
        found = [ids[: np.argmax(end) if any(end) else None] for ids, end in zip(found, ends)]
        return [ids.tolist() for ids in found], scores[:kept].tolist()


def _generated(rows):
    """`Generated` of pairs (token lists, scores)."""
    return Generated([tokens for tokens, _ in rows], [scores for _, scores in rows])


def _checked_strategy(strategy):
    """Greedy if there is none."""
    if strategy is not None and not isinstance(strategy, Strategy):
        raise ValueError(
            "`strategy` must be Greedy(), BeamSearch(width), Sampling() or another Strategy. "
            f"Received: strategy={strategy!r}"
        )
    return strategy or Greedy()


def _padded(rows, n, value=0):
    return np.stack([np.pad(row, (0, n - len(row)), constant_values=value) for row in rows])


def _lists(rows):
    return [ids.tolist() for ids in rows]
