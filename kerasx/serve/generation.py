"""Generate for requests: texts to prompts, decoders that are made once, results as texts."""

import secrets
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from kerasx.generation import BeamSearch, Generator, Greedy, Sampling
from kerasx.generation.cache import DecodingGraphs
from kerasx.generation.prompts import decode, encode
from kerasx.serve.outputs import checked_ids
from kerasx.serve.server_limits import Invalid
from kerasx.tokenizers import encode_prompt


class Prompt(NamedTuple):
    """The prompt of a request.

    Attributes:
        token_ids, segment_ids: lists of int.
        segment: segment of the generated tokens, or None for the generator's default.
        seed: int, the seed of sampling.
    """

    token_ids: list
    segment_ids: list
    segment: int | None
    seed: int


class Generation:
    """A saved model as a task of the server: from requests to texts with scores.

    A decoder is compiled for its settings, so the `limits.generators` last used ones are kept.

    Args:
        artefact: of `load_model`; its model has application "lm" or "unilm", or is an
            encoder-decoder.
        limits: `Limits`.
        start_id: the token that the decoder of an encoder-decoder starts with; by default as in
            `Generator`.

    Attributes:
        limits: the given ones, with no more new tokens than the model's positions have room for.
        is_dialogue: whether the model takes turns, which its segments tell apart.

    Raises:
        ValueError: the model cannot generate.
    """

    def __init__(self, artefact, limits, start_id=None):
        self.model, self.tokenizer = artefact.model, artefact.tokenizer
        self.graphs, self.start_id = DecodingGraphs(self.model), start_id
        self.has_encoder, reach = self.graphs.kept > 0, self.graphs.reach
        if reach is not None:
            most = reach if self.has_encoder else reach // 2
            limits = replace(limits, max_new_tokens=min(limits.max_new_tokens, most))
        self.limits = limits
        self.max_prompt = min(filter(None, (limits.max_prompt, reach, self.graphs.length)))
        self.is_dialogue = self.graphs.continues and self.graphs.has_input("segment")
        self._generator = lru_cache(limits.generators)(self._make_generator)

    # in the event loop: texts and ids

    def read(self, request, new):
        """Return the `Prompt` of a request; of turns, the last ones that fit.

        Args:
            request: `GenerateRequest`.
            new: number of generated tokens at most.

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
        (ids,) = encode(self.tokenizer, self.graphs, [request.text])
        return Prompt(checked_ids("text", ids, room), [0] * len(ids), None, seed)

    def _read_turns(self, turns, room):
        if not self.is_dialogue:
            raise Invalid("turns", "must be left out: this model takes a text")
        checked_ids("turns", self.tokenizer.encode(turns[-1])[0], room)
        ids, segments = encode_prompt(self.tokenizer, turns, maxlen=room)
        return ids, segments, 1 - segments[-1]

    def outputs(self, hypotheses):
        """Return [{text, score}, ...] of [(token_ids, score), ...]."""
        return [{"text": decode(self.tokenizer, ids), "score": score} for ids, score in hypotheses]

    def event(self, answer):
        """Return a function from the items of `stream`, in their order, to the client's events.

        Args:
            answer: a function from hypotheses to the last event.
        """
        ids = []

        def event(item):
            if isinstance(item, list):
                return answer(item)
            ids.extend(i for i in item[0, :1].tolist() if i >= 0)
            return {"text": decode(self.tokenizer, ids)}

        return event

    # in the worker's thread: the model

    def __call__(self, settings, prompts):
        """Return [(token_ids, score), ...] for each `Prompt`, best first, as if each were alone."""
        found = self._generator(settings)(**_arguments(prompts, self.has_encoder))
        return [_pairs(*row) for row in zip(found.sequences, found.scores, strict=True)]

    def stream(self, settings, prompt):
        """Iterate over the tokens (1, k) of each step, -1 after an end, and last the hypotheses.

        A strategy that takes back what it has chosen yields the hypotheses only.
        """
        generate = self._generator(settings)
        if generate.strategy.streams:
            found = yield from generate.stream(**_arguments([prompt], self.has_encoder))
            yield _pairs(found.sequences[0], found.scores[0])
        else:
            yield from self(settings, [prompt])

    def _make_generator(self, settings):
        return Generator(
            self.model,
            _STRATEGIES[settings.strategy](settings),
            max_new_tokens=settings.max_new_tokens,
            batch_size=self.limits.max_batch,
            start_id=self.start_id,
            tokenizer=self.tokenizer,
        )


def _arguments(prompts, has_encoder):
    """Return the arguments for `Generator.__call__` as a dict."""
    return {
        "prompts": [prompt.token_ids for prompt in prompts],
        "segment_ids": None if has_encoder else [prompt.segment_ids for prompt in prompts],
        "new_segments": [prompt.segment for prompt in prompts],
        "seeds": [prompt.seed for prompt in prompts],
    }


def _pairs(sequences, scores):
    return list(zip(sequences, scores, strict=True))


_STRATEGIES = {
    "greedy": lambda s: Greedy(),
    "beam": lambda s: BeamSearch(s.width, n=s.n),
    "sampling": lambda s: Sampling(s.n, s.temperature, s.top_k, s.top_p),
}
