"""Generate for requests: texts to prompts, decoders that are made once, results as texts."""

import secrets
from dataclasses import replace
from functools import lru_cache, partial
from typing import NamedTuple

from kerasx.generation import BeamSearch, Generator, Greedy, Sampling
from kerasx.generation.cache import DecodingGraphs
from kerasx.generation.chat_prompt import encode_turns
from kerasx.generation.generation_config import SETTINGS, generator_arguments
from kerasx.generation.prompts import decode, encode
from kerasx.models.builder_arguments import parameters
from kerasx.serve.outputs import checked_ids, known_ids
from kerasx.serve.server_limits import Invalid
from kerasx.tokenizers import TextStream, encode_prompt
from kerasx.tokenizers.chat_template import ChatTemplate


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
        config: the settings of the folder's generation_config.json, {} without one. Its strategy
            and lengths are those of the requests.
        limits: `Limits`.
        start_id: the token that the decoder of an encoder-decoder starts with; by default as in
            `Generator`.

    Attributes:
        limits: the given ones, with no more new tokens than the model's positions have room for.
        has_template: whether messages are written by a chat template.
        is_dialogue: whether the model takes turns, by a template or in segments.
        sampling: the folder's own temperature, top_p and top_k, {} if it does not ask to sample.

    Raises:
        ValueError: the model cannot generate.
    """

    def __init__(self, artefact, config, limits, start_id=None):
        self.model, self.tokenizer = artefact.model, artefact.tokenizer
        self.graphs, self._options = DecodingGraphs(self.model), {}
        if config:
            asked = generator_arguments(config, self.model, do_sample=False, num_beams=1)
            self._options = {name: asked[name] for name in _OF_FOLDER if name in asked}
        if start_id is not None:
            self._options["start_id"] = start_id
        self.keep_end = self._options.get("keep_end", False)
        names = ("temperature", "top_p", "top_k") if config.get("do_sample") else ()
        self.sampling = {name: config.get(name, SETTINGS[name]) for name in names}
        self.has_encoder, reach = self.graphs.kept > 0, self.graphs.reach
        if reach is not None:
            most = reach if self.has_encoder else reach // 2
            limits = replace(limits, max_new_tokens=min(limits.max_new_tokens, most))
        self.limits = limits
        self.max_prompt = min(filter(None, (limits.max_prompt, reach, self.graphs.length)))
        self.has_template = self.tokenizer.chat_template is not None
        segments = self.graphs.continues and self.graphs.has_input("segment")
        self.is_dialogue = segments or self.has_template
        self._generator = lru_cache(limits.generators)(self._make_generator)

    # in any thread: texts and ids

    def read(self, request, new):
        """Return the `Prompt` of a request; of turns, the last ones that fit.

        Args:
            request: `GenerateRequest`.
            new: number of generated tokens at most.

        Raises:
            Invalid: neither text nor turns, or both; turns for a model that takes none; no tokens,
                or too many.
        """
        if (request.text is None) == (request.turns is None):
            raise Invalid("text", "must be given, or turns, and not both")
        if request.turns is not None:
            return self.read_turns("turns", request.turns, new, request.seed)
        return self.read_text("text", request.text, new, request.seed)

    def read_text(self, field, text, new, seed):
        """Return the `Prompt` of a text."""
        room = self._room(new)
        (ids,) = encode(
            self.tokenizer, [text], self.graphs.continues and not self.keep_end, room + 1
        )
        return _prompt(checked_ids(field, ids, room), seed)

    def read_ids(self, field, ids, new, seed):
        """Return the `Prompt` of token ids."""
        known_ids(field, ids, self.graphs.vocabulary)
        return _prompt(checked_ids(field, ids, self._room(new)), seed)

    def read_messages(self, field, messages, new, seed, variables=()):
        """Return the `Prompt` of messages, as the chat template writes them.

        Without a template the messages are turns of a dialogue. `variables` is a dict of further
        values that the template reads.
        """
        if self.has_template:
            taken = sorted({*variables} & {*parameters(ChatTemplate.render)})
            if taken:
                raise Invalid("chat_template_kwargs", f"must not hold {taken}")
            encode = partial(self.tokenizer.encode_chat, **dict(variables))
            ids = _templated(field, encode, messages, True)
            return _prompt(checked_ids(field, ids, self._room(new)), seed)
        roles = [message["role"] for message in messages]
        if roles != (["assistant", "user"] * len(roles))[-len(roles) :]:
            raise Invalid(field, "must be of user and assistant in turn, the last of the user")
        return self.read_turns(field, [message["content"] for message in messages], new, seed)

    def read_turns(self, field, turns, new, seed):
        """Return the `Prompt` of the last turns of a dialogue that fit."""
        room = self._room(new)
        if self.has_template:
            return _prompt(_templated(field, encode_turns, self.tokenizer, turns, room), seed)
        if not self.is_dialogue:
            raise Invalid(
                field,
                "must be left out: this model has neither a chat template nor segments for turns, "
                "and takes a text",
            )
        checked_ids(field, self.tokenizer.encode(turns[-1], maxlen=room + 1)[0], room)
        ids, segments = encode_prompt(self.tokenizer, turns, maxlen=room)
        return _prompt(ids, seed, segments, 1 - segments[-1])

    def _room(self, new):
        """Return the number of tokens of a prompt at most."""
        if self.graphs.reach is None or self.has_encoder:
            return self.max_prompt
        return min(self.max_prompt, self.graphs.reach - new + 1)

    def outputs(self, hypotheses):
        """Return [{text, score}, ...] of [(token_ids, score), ...]."""
        return [{"text": decode(self.tokenizer, ids), "score": score} for ids, score in hypotheses]

    def events(self, answer):
        """Return a function from the items of `stream`, in their order, to lists of events.

        Args:
            answer: a function from hypotheses to the last event.
        """
        stream, text = TextStream(self.tokenizer), ""

        def events(item):
            nonlocal text
            if isinstance(item, list):
                return [answer(item[0])]
            text += stream.push([i for i in item[0, :1].tolist() if i >= 0])
            return [{"text": text}]

        return events

    # in the worker's thread: the model

    def __call__(self, settings, prompts):
        """Return [(token_ids, score), ...] for each `Prompt`, best first, as if each were alone."""
        found = self._generator(settings)(**_arguments(prompts, self.has_encoder))
        return [_pairs(*row) for row in zip(found.sequences, found.scores, strict=True)]

    def stream(self, settings, prompts):
        """Iterate over the tokens (b, k) of each step, -1 after an end, and last the hypotheses.

        These are as `__call__` returns them. A strategy that takes back what it has chosen yields
        the hypotheses only.
        """
        generate = self._generator(settings)
        if generate.strategy.streams:
            found = yield from generate.stream(**_arguments(prompts, self.has_encoder))
            yield [_pairs(*row) for row in zip(found.sequences, found.scores, strict=True)]
        else:
            yield self(settings, prompts)

    def _make_generator(self, settings):
        return Generator(
            self.model,
            _STRATEGIES[settings.strategy](settings),
            max_new_tokens=settings.max_new_tokens,
            batch_size=self.limits.max_batch,
            tokenizer=self.tokenizer,
            **self._options,
        )


def _prompt(ids, seed, segments=None, segment=None):
    """Return a `Prompt`; a seed is drawn if none is given."""
    seed = secrets.randbelow(2**31) if seed is None else seed
    return Prompt(ids, [0] * len(ids) if segments is None else segments, segment, seed)


def _templated(field, function, *arguments):
    """Return the ids of a chat template; what it refuses is the fault of the request."""
    try:
        return function(*arguments)
    except ValueError as error:
        raise Invalid(field, str(error)) from error


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


# arguments of a `Generator` that a folder's configuration decides, and no request
_OF_FOLDER = ("end_id", "start_id", "pad_id", "min_new_tokens", "constraints", "keep_end")
_STRATEGIES = {
    "greedy": lambda s: Greedy(),
    "beam": lambda s: BeamSearch(s.width, n=s.n),
    "sampling": lambda s: Sampling(s.n, s.temperature, s.top_k, s.top_p),
}
