"""Generate for many prompts at once: checked arguments, few shapes, results in order."""

from functools import partial

import keras
import numpy as np
from keras import ops

from kerasx.checks import check_integer, invalid
from kerasx.generation.cache import DecodingGraphs
from kerasx.generation.constraints.constraint import Constraint, NoEndBefore
from kerasx.generation.folder_arguments import folder_arguments
from kerasx.generation.generated import Generated
from kerasx.generation.loop import DecodingLoop, LoopInputs
from kerasx.generation.prompts import (
    Requests,
    check_halves,
    check_lengths,
    check_segment,
    checked_additional,
    checked_ends,
    checked_new_segments,
    checked_prompts,
    checked_seeds,
    checked_starts,
    decode,
    encode,
    usual_ids,
)
from kerasx.generation.strategies.greedy import Greedy
from kerasx.generation.strategies.strategy import NEVER, Strategy


class Generator:
    """Generate with a language model (application "lm" or "unilm") or an encoder-decoder, in batch.

    A prompt is read in one pass, and its keys and values are shared by its beams; then the whole
    loop is one compiled function over a cache of fixed size (see `DecodingLoop`). With an encoder,
    the prompts are its sources: each is encoded once, and the decoder starts with `start_id`.

    The weights are read anew at each call; the settings are compiled in.

    Args:
        model: a keras.Model from `build_transformer_model`.
        strategy: `Greedy()` (the default), `BeamSearch(width)`, `Sampling()` or
            `ContrastiveSearch()`.
        end_id: the token that ends a sequence, a list of several, or [] for none; by default the
            tokenizer's.
        max_new_tokens: number of generated tokens at most.
        min_new_tokens: number of tokens before which no end is chosen.
        max_length: number of tokens of the longest prompt of a call (with an encoder, of the
            decoder's start) and its continuation together, at most; compiled for each length.
        segment_id: segment of the generated tokens; by default 1 for UniLM, and the segment of the
            prompt's last token otherwise.
        batch_size: number of prompts decoded at once.
        pad_id: the id that fills up the rows of an array of prompts, at either end; by default
            the tokenizer's, else the id that the model masks. Without any, all ids are tokens.
        prompt_multiple: prompts are padded to a multiple of this length: few shapes to compile.
        start_id: the token that the decoder of an encoder-decoder starts with, the
            `decoder_start_token_id` of its configuration: 0 for T5, 2 for English BART. By default
            the tokenizer's end token for BART, otherwise its start token or, without one, padding.
        constraints: `Constraint` objects, which change the scores of the next token in this order.
        tokenizer: a tokenizer of `kerasx.tokenizers`: prompts may be texts, and the returned
            `Generated` has `texts`.
        keep_end: whether a text to be continued keeps the end token that the tokenizer puts after
            it, as in transformers; by default it is left out.

    Raises:
        ValueError: the model has no causal or UniLM mask, or a setting is out of range.

    >>> from kerasx.models import build_transformer_model
    >>> from kerasx.tokenizers import Tokenizer, character_vocab
    >>> tokenizer = Tokenizer(character_vocab(["今天天气很好"]))
    >>> model = build_transformer_model(
    ...     dict(vocab_size=tokenizer.vocab_size, hidden_size=8, num_hidden_layers=1,
    ...          num_attention_heads=2, intermediate_size=16), application="unilm")
    >>> generate = Generator(model, tokenizer=tokenizer, max_new_tokens=5)
    >>> len(generate(["今天天气", "很好"]).texts)
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
        tokenizer=None,
        max_length=None,
        keep_end=False,
    ):
        self.graphs, self.tokenizer = DecodingGraphs(model), tokenizer
        self.strategy = Greedy() if strategy is None else strategy
        usual = usual_ids(self.graphs, tokenizer)
        self.end_id, self.pad_id, self.start_id = (
            usual[name] if value is None else value
            for name, value in {"end": end_id, "pad": pad_id, "start": start_id}.items()
        )
        self.max_new_tokens = check_integer("max_new_tokens", max_new_tokens, least=1)
        self.min_new_tokens = check_integer("min_new_tokens", min_new_tokens, least=0)
        self.max_length = max_length and check_integer("max_length", max_length, least=2)
        self.keep_end = keep_end
        self.batch_size = check_integer("batch_size", batch_size, least=1)
        self.prompt_multiple = check_integer("prompt_multiple", prompt_multiple, least=1)
        self.segment_id = segment_id
        self.constraints = tuple(constraints)
        ends = checked_ends(self.end_id, self.graphs.vocabulary)
        self._check_settings()
        if ends and min_new_tokens:
            self.constraints = (NoEndBefore(ends, min_new_tokens), *self.constraints)
        self.loop = DecodingLoop(self.graphs, self.strategy, self.constraints, ends, self.pad_id)

    @classmethod
    def from_folder(cls, folder, **settings):
        """Make a generator of a folder's model, tokenizer and generation_config.json.

        With a folder of Hugging Face it generates what transformers' `generate` does: the text is
        encoded whole, and the folder's ids, strategy and penalties hold, 20 tokens at most where
        it gives no length. The folder may also be one that `save_model` wrote.

        Args:
            folder: path of the folder.
            settings: arguments of `Generator`, or settings by the names of transformers such as
                `do_sample=False`, which override the folder's; None takes one away.

        Raises:
            ValueError: the folder has no language model or no tokenizer, or asks for settings that
                are not built.

        generate = Generator.from_folder("Qwen3-0.6B", max_new_tokens=100)
        generate.chat([{"role": "user", "content": "你好"}])
        """
        return cls(**folder_arguments(folder, settings))

    def _check_settings(self):
        if not isinstance(self.strategy, Strategy):
            expected = "`strategy` must be Greedy(), BeamSearch(width), Sampling() or a Strategy."
            raise invalid(expected, strategy=self.strategy)
        if not all(isinstance(x, Constraint) for x in self.constraints):
            expected = "`constraints` must be kerasx.generation.Constraint objects."
            raise invalid(expected, constraints=self.constraints)
        if self.pad_id is not None:
            check_integer("pad_id", self.pad_id, 0)
        if self.segment_id is not None:
            check_segment(self.graphs, "segment_id", self.segment_id)
        if self.start_id is not None:
            check_integer("start_id", self.start_id, 0, self.graphs.vocabulary)
            if not self.graphs.kept:
                expected = "`start_id` must be None for a model without an encoder."
                raise invalid(expected, start_id=self.start_id)

    def __call__(
        self,
        prompts,
        segment_ids=None,
        additional_inputs=(),
        max_new_tokens=None,
        verbose=0,
        decoder_token_ids=None,
        on_token=None,
        seeds=None,
        new_segments=None,
    ):
        """Continue each prompt, or answer each source.

        Args:
            prompts: list of texts, if there is a tokenizer; lists of token ids (each at least
                one), or an array or tensor (b, n), padded by `pad_id` at the end or at the
                beginning. With an encoder, the sources.
            segment_ids: the prompts' segment ids likewise; all 0 by default.
            additional_inputs: arrays (b, ...) for the model's `additional_input_layers`, in their
                order, one row for each prompt: conditional generation.
            max_new_tokens: number of generated tokens at most, if not the generator's own;
                compiled separately.
            verbose: 1 for a progress bar.
            decoder_token_ids: with an encoder, the token ids that the decoder continues;
                [start_id] for each source by default.
            on_token: a function called after each step as `on_token(numbers, tokens)`, with the
                numbers of the prompts that are decoded together and the tokens that `stream` would
                yield for them. Prompts are sorted by length.
            seeds: an integer for each prompt, with which `Sampling` draws as if the prompt were
                the only one; by default the strategy's seed for all.
            new_segments: the segment of the generated tokens of each prompt, if not `segment_id`.

        Returns:
            `Generated`, in the order of the prompts.

        Raises:
            ValueError: an id out of the vocabulary, a prompt too long for the position table, or a
                model whose logits are NaN.
        """
        options = additional_inputs, max_new_tokens, decoder_token_ids, seeds, new_segments
        requests = self._read(prompts, segment_ids, *options)
        order = sorted(range(len(requests.prompts)), key=requests.length)
        batches = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        progress = keras.utils.Progbar(len(batches), verbose=verbose, unit_name="batch")
        hypotheses = [None] * len(order)
        for done, batch in enumerate(batches, 1):
            inputs = self._inputs(requests, batch, full=len(batches) > 1)
            results = self._told(on_token, batch, inputs) if on_token else self.loop.run(inputs)
            for i, row in zip(batch, self._hypotheses(results, len(batch)), strict=True):
                hypotheses[i] = row
            progress.update(done)
        return self._generated(hypotheses)

    def chat(self, messages, **options):
        """Return the reply to a conversation, in the form of the tokenizer's chat template.

        Args:
            messages: list of dicts {"role": "system", "user" or "assistant", "content": str}.
            options: arguments of a call.

        Raises:
            ValueError: the tokenizer has no chat template, or it refuses the messages.
        """
        if self.tokenizer is None:
            raise invalid("`tokenizer` must be given to answer messages.", tokenizer=None)
        ids = self.tokenizer.encode_chat(messages, add_generation_prompt=True)
        return self([ids], **options).texts[0]

    def stream(
        self,
        prompts,
        segment_ids=None,
        additional_inputs=(),
        max_new_tokens=None,
        decoder_token_ids=None,
        chunk=1,
        seeds=None,
        new_segments=None,
    ):
        """Iterate over the tokens that a call would return, as they are chosen.

        The iterator may be left at any time; nothing is computed ahead but the rest of a chunk.

        Args:
            prompts: `batch_size` prompts at most; they and all but `chunk` are as in a call.
            chunk: number of tokens that are computed at once: more of them take less time.

        Returns:
            An iterator of int32 arrays (b, k): the next token of each of the k hypotheses (the
            only one of `Greedy`, the samples of `Sampling`) of each prompt, -1 after its end. It
            returns the `Generated` of a call: `generated = yield from generate.stream(...)`.

        Raises:
            ValueError: as in a call, or the strategy may take back tokens that it has chosen.

        >>> from kerasx.models import build_transformer_model
        >>> model = build_transformer_model(
        ...     dict(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...          intermediate_size=16), application="lm")
        >>> generate = Generator(model, max_new_tokens=3)
        >>> tokens = [x[0, 0] for x in generate.stream([[2, 5, 6]])]
        >>> tokens == generate([[2, 5, 6]]).best[0]
        True
        """
        check_integer("chunk", chunk, least=1)
        options = additional_inputs, max_new_tokens, decoder_token_ids, seeds, new_segments
        requests = self._read(prompts, segment_ids, *options)
        rows = list(range(len(requests.prompts)))
        check_integer("number of prompts", len(rows), 1, self.batch_size + 1)
        return self._streamed(self.loop.iterate(self._inputs(requests, rows), chunk), len(rows))

    def _streamed(self, steps, rows):
        for tokens, chosen in steps:
            yield tokens[:rows]
            last = chosen
        return self._generated(self._hypotheses(self.strategy.results(last), rows))

    def _told(self, on_token, batch, inputs):
        """Run the loop and call `on_token` after each step; return the loop's results."""
        for tokens, chosen in self.loop.iterate(inputs):
            on_token(batch, tokens[: len(batch)])
            last = chosen
        return self.strategy.results(last)

    def _read(self, prompts, segment_ids, additional, max_new_tokens, starts, seeds, new_segments):
        """Return the checked arguments of a call as `Requests`."""
        graphs, sources = self.graphs, None
        check_halves(graphs, segment_ids, starts)
        start = None if self.tokenizer is None else self.tokenizer.start_id
        encode = None if self.tokenizer is None else self._encode
        prompts = checked_prompts(graphs, prompts, segment_ids, self.pad_id, start, encode)
        if graphs.kept:
            sources = prompts
            check_lengths(graphs, sources, 1)
            prompts = checked_starts(graphs, sources, starts, self.start_id, self.pad_id)
        steps = self._new_tokens(prompts, max_new_tokens) + self.strategy.ahead
        check_lengths(graphs, prompts, steps)
        return Requests(
            prompts,
            sources,
            checked_additional(graphs, additional, len(prompts)),
            checked_new_segments(graphs, prompts, new_segments, self.segment_id),
            checked_seeds(seeds, prompts),
            steps,
        )

    def _encode(self, texts):
        return encode(self.tokenizer, texts, self.graphs.continues and not self.keep_end)

    def _new_tokens(self, prompts, asked):
        """Return the number of tokens to generate at most, of which a call may ask for another."""
        if asked is not None:
            return check_integer("max_new_tokens", asked, least=1)
        if self.max_length is None:
            return self.max_new_tokens
        longest = max((len(ids) for ids, _ in prompts), default=0)
        if longest >= self.max_length:
            raise invalid(
                f"`prompts` must be shorter than max_length={self.max_length}, which counts the "
                "prompt too. Cut the prompts, or pass max_new_tokens.",
                longest_prompt=longest,
            )
        return min(self.max_new_tokens, self.max_length - longest)

    def _inputs(self, requests, batch, full=False):
        """Return `LoopInputs` of the prompts numbered in `batch`.

        The batch is filled up with its last prompt, to `batch_size` among other batches of that
        size and to a power of two when alone: few shapes to compile.
        """
        size = self.batch_size if full else min(self.batch_size, 1 << (len(batch) - 1).bit_length())
        rows = batch + [batch[-1]] * (size - len(batch))
        ids, segments = zip(*(requests.prompts[i] for i in rows))
        sources = [requests.sources[i][0] for i in rows] if requests.sources else []
        lengths, steps = np.array([len(x) for x in ids], "int32"), requests.steps
        n = self._padded_length(max(lengths))
        return LoopInputs(
            tokens=_padded(ids, n),
            # in UniLM every token sees segment 0, so padding must be in another one
            segments=_padded(segments, n, int(self.graphs.kind == "unilm")),
            lengths=lengths,
            new_segments=np.array([requests.new_segments[i] for i in rows], "int32"),
            steps=np.arange(steps, dtype="int32"),
            additional=[a[rows] for a in requests.additional],
            source=[self._padded_sources(sources)] if sources else [],
            started=[self._started(c, ids, sources, steps) for c in self.constraints],
            draws=self.strategy.draws(rows, steps, requests.seeds),
        )

    def _started(self, constraint, ids, sources, steps):
        """Return (tables, state) of a constraint for a batch; see `Constraint.start`."""
        read = ids if constraint.of_continued else sources or ids
        return constraint.start([x.tolist() for x in read], self.graphs.vocabulary, steps)

    def _padded_length(self, longest):
        if self.graphs.length is not None:
            return self.graphs.length
        if longest == 1 and self.graphs.kept:
            return 1  # a decoder's start
        n = -(-longest // self.prompt_multiple) * self.prompt_multiple
        return n if self.graphs.reach is None else min(n, self.graphs.reach)

    def _padded_sources(self, sources):
        """Return sources (b, m), padded with the id that the encoder masks."""
        return _padded(sources, self._padded_length(max(map(len, sources))), self.graphs.masked_id)

    def _hypotheses(self, results, rows):
        """Return (token lists, scores) for each of the first rows of the loop's results."""
        tokens, scores = (ops.convert_to_numpy(x)[:rows] for x in results)
        self._check_scores(scores)
        return [self._shortened(*row) for row in zip(tokens, scores, strict=True)]

    def _check_scores(self, scores):
        """Raise if a best hypothesis has a token of no probability, which constraints may force."""
        if np.all(scores[:, 0] > NEVER / 2):
            return
        weights = [w for w in self.graphs.model.weights if np.isnan(ops.convert_to_numpy(w)).any()]
        if weights or not self.constraints:
            raise invalid(
                "`model` must give a token a probability at every step; its logits are NaN, or "
                "-inf throughout.",
                weights_with_nan=[w.path for w in weights],
            )

    def _shortened(self, tokens, scores):
        """Return token lists up to the end token; leave out beams without a sequence."""
        kept = max(1, np.sum(scores > NEVER / 2))
        tokens = tokens[:kept]
        ends = [np.isin(ids, self.loop.ends) for ids in tokens]
        tokens = [ids[: np.argmax(end) if any(end) else None] for ids, end in zip(tokens, ends)]
        return [ids.tolist() for ids in tokens], scores[:kept].tolist()

    def _generated(self, hypotheses):
        """Return `Generated` of pairs (token lists, scores)."""
        read = None if self.tokenizer is None else partial(decode, self.tokenizer)
        return Generated([x for x, _ in hypotheses], [x for _, x in hypotheses], read)


def _padded(rows, n, value=0):
    return np.stack([np.pad(row, (0, n - len(row)), constant_values=value) for row in rows])
