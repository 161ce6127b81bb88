"""Texts that a model continues or answers: prompts as ids, and decoders that are made once."""

import secrets
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from kerasx.generation import BeamSearch, DecodingGraphs, Generator, Greedy, Sampling
from kerasx.serve.outputs import checked_ids
from kerasx.serve.server_limits import Invalid
from kerasx.tokenizers import encode_prompt

__all__ = ["Generation", "Prompt"]


class Prompt(NamedTuple):
    """What is generated from.

    Attributes:
        token_ids, segment_ids: lists of int.
        segment: segment of what is generated, or None for the decoder's own choice.
        seed: of sampling.
    """

    token_ids: list
    segment_ids: list
    segment: int | None
    seed: int


class Generation:
    """A saved model that generates.

    Args:
        artefact: of `load_model`; its model has application "lm" or "unilm", or is an
            encoder-decoder.
        limits: `Limits`.
        start_id: what a decoder behind an encoder starts with; by default the end token for BART,
            [CLS] for a T5 whose tokenizer has it, and the padding for other T5.

    Attributes:
        limits: the given ones, with no more new tokens than the model's positions have room for.
        is_dialogue: whether the model takes turns, which its segments tell apart.

    Raises:
        ValueError: the model does not generate.
    """

    def __init__(self, artefact, limits, start_id=None):
        self.model, self.tokenizer = artefact.model, artefact.tokenizer
        self.graphs = DecodingGraphs(self.model)
        self.has_encoder, reach = self.graphs.kept > 0, self.graphs.reach
        if reach is not None:
            most = reach if self.has_encoder else reach // 2
            limits = replace(limits, max_new_tokens=min(limits.max_new_tokens, most))
        self.limits = limits
        self.max_prompt = min(filter(None, (limits.max_prompt, reach, self.graphs.length)))
        self.end_id, self.start_id = self.tokenizer.end_id, start_id
        if self.has_encoder and start_id is None:
            self.start_id = self._usual_start(artefact.builder)
        self.is_continued = self.graphs.kind == "causal" and not self.has_encoder
        self.is_dialogue = self.is_continued and self.graphs.has_input("segment")
        self._generator = lru_cache(limits.generators)(self._make_generator)

    def _usual_start(self, builder):
        if getattr(builder, "starts_with_end", False):
            return self.end_id
        start = self.tokenizer.start_id
        return self.graphs.masked_id if start is None else start

    # in the event loop: texts and ids

    def read(self, request, new):
        """The `Prompt` of a request, for `new` tokens at most; of turns the last ones that fit.

        Raises:
            Invalid: neither text nor turns, or both; turns for a model without segments; no
                tokens, or too many.
        """
        room = self.max_prompt
        if self.graphs.reach is not None and not self.has_encoder:
            room = min(room, self.graphs.reach - new + 1)
        seed = secrets.randbelow(2**31) if request.seed is None else request.seed
        if (request.text is None) == (request.turns is None):
            raise Invalid("text", "must be given, or turns, and not both")
        if request.turns is not None:
            return Prompt(*self._read_turns(request.turns, room), seed)
        ids = self.tokenizer.encode(request.text)[0]
        if self.is_continued and ids[-1:] == [self.end_id]:
            ids = ids[:-1]
        return Prompt(checked_ids("text", ids, room), [0] * len(ids), None, seed)

    def _read_turns(self, turns, room):
        if not self.is_dialogue:
            raise Invalid("turns", "must be left out: this model takes a text")
        checked_ids("turns", self.tokenizer.encode(turns[-1])[0], room)
        ids, segments = encode_prompt(self.tokenizer, turns, maxlen=room)
        return ids, segments, 1 - segments[-1]

    def outputs(self, hypotheses):
        """[{text, score}] of [(token_ids, score)]."""
        return [{"text": self.text(ids), "score": score} for ids, score in hypotheses]

    def text(self, ids):
        """Readable text; a model may have more ids than its tokenizer."""
        return self.tokenizer.decode([i for i in ids if i < self.tokenizer.vocab_size])

    def event(self, answer):
        """A function from the items of `stream`, in their order, to what the client is told.

        Args:
            answer: a function from hypotheses to the last event.
        """
        ids = []

        def event(item):
            if isinstance(item, list):
                return answer(item)
            ids.extend(i for i in item[0, :1].tolist() if i >= 0)
            return {"text": self.text(ids)}

        return event

    # in the worker's thread: the model

    def __call__(self, settings, prompts):
        """[(token_ids, score), ...] for each `Prompt`, best first; as if it were alone.

        Args:
            settings: (`Settings`, segment of what is generated).
            prompts: list of `Prompt`.
        """
        found = self._seeded(settings, prompts)(*self._arrays(prompts))
        return [list(zip(*row, strict=True)) for row in zip(*found, strict=True)]

    def stream(self, settings, prompt):
        """Iterate over the tokens (k,) of each step, -1 after an end, and last what a call gives.

        A beam search takes back what it has chosen, so there is only the last.
        """
        if settings[0].strategy == "beam":
            (hypotheses,) = self(settings, [prompt])
        else:
            found = yield from self._seeded(settings, [prompt]).stream(*self._arrays([prompt]))
            hypotheses = list(zip(found.sequences[0], found.scores[0], strict=True))
        yield hypotheses

    def _seeded(self, settings, prompts):
        generate = self._generator(*settings)
        generate.strategy.seeds = [prompt.seed for prompt in prompts]
        return generate

    def _arrays(self, prompts):
        ids = [prompt.token_ids for prompt in prompts]
        return ids, None if self.has_encoder else [prompt.segment_ids for prompt in prompts]

    def _make_generator(self, settings, segment):
        return Generator(
            self.model,
            _STRATEGIES[settings.strategy](settings),
            end_id=self.end_id,
            max_new_tokens=settings.max_new_tokens,
            segment_id=segment,
            batch_size=self.limits.max_batch,
            start_id=self.start_id,
        )


class _SeededSampling(Sampling):
    """Sampling with a seed for each prompt of the call, as if each were the only one."""

    seeds = ()

    def draws(self, rows, steps):
        alone = [Sampling(self.width, seed=self.seeds[i]).draws([0], steps) for i in rows]
        return np.concatenate(alone)


_STRATEGIES = {
    "greedy": lambda s: Greedy(),
    "beam": lambda s: BeamSearch(s.width, n=s.n),
    "sampling": lambda s: _SeededSampling(s.n, s.temperature, s.top_k, s.top_p),
}
