"""Reply to dialogues, and chat in the terminal."""

from kerasx.checks import check_integer, invalid
from kerasx.generation.chat_prompt import encode_turns
from kerasx.generation.generator import Generator
from kerasx.generation.strategies.sampling import Sampling
from kerasx.tokenizers import encode_prompt


class Replier:
    """Answer dialogues with a language model.

    Of a tokenizer with a chat template, turns become messages of a user and an assistant. Without
    one the reply is in the segment of the other speaker.

    Args:
        model: a `Generator`, such as `Generator.from_folder("Qwen3-0.6B")`; or a keras.Model with
            application "lm", with the tokenizer of its chat template or trained on the ids of
            `kerasx.tokenizers.encode_dialogue`.
        tokenizer: the tokenizer of the model; its `token_end` ends a reply.
        strategy: of the `Generator`; by default it samples from the 5 most probable tokens.
        maxlen: number of tokens of dialogue and reply together, at most; by default 512, or as
            many as the model has positions. Older turns are left out.
        max_new_tokens: number of tokens of a reply at most.

    Called with a list of dialogues, which are lists of turns, it returns a reply (str) for each.

    >>> from kerasx.models import bert_config, build_transformer_model
    >>> from kerasx.tokenizers import Tokenizer, character_vocab
    >>> tokenizer = Tokenizer(character_vocab(["你好吗"]))
    >>> config = bert_config(vocab_size=8, hidden_size=8)
    >>> options = {"model": "nezha", "application": "lm", "with_mlm": "linear"}
    >>> model = build_transformer_model(config, **options)
    >>> len(Replier(model, tokenizer, max_new_tokens=4)([["你好"], ["你好", "好", "好吗"]]))
    2
    """

    def __init__(self, model, tokenizer=None, strategy=None, maxlen=None, max_new_tokens=32):
        if not isinstance(model, Generator):
            strategy = Sampling(top_k=5) if strategy is None else strategy
            options = {"max_new_tokens": max_new_tokens, "tokenizer": tokenizer}
            model = Generator(model, strategy, **options)
        if model.tokenizer is None:
            raise invalid(
                "`tokenizer` must be given: to the Generator, where `model` is one.",
                tokenizer=tokenizer,
            )
        self.generate, max_new_tokens = model, model.max_new_tokens
        maxlen = (model.graphs.reach or 512) if maxlen is None else maxlen
        check_integer("maxlen", maxlen, max_new_tokens + 2)
        self.room = maxlen - max_new_tokens

    def __call__(self, dialogues):
        tokenizer = self.generate.tokenizer
        if tokenizer.chat_template is not None:
            prompts = [encode_turns(tokenizer, turns, self.room) for turns in dialogues]
            return self.generate(prompts).texts
        read = [encode_prompt(tokenizer, turns, self.room) for turns in dialogues]
        prompts, segments = [ids for ids, _ in read], [segments for _, segments in read]
        speakers = [1 - row[-1] for row in segments]
        return self.generate(prompts, segments, new_segments=speakers).texts


def chat(reply, read=input, write=print):
    """Talk to a model in the terminal; /reset begins anew, /quit or the end of input ends.

    Args:
        reply: a `Replier`, or any function from a list of dialogues to a list of replies.
        read: function from a prompt (str) to the line that was typed.
        write: function that shows a line.

    >>> typed = iter(["你好", "再见", "/reset", "你好", "/quit"])
    >>> chat(lambda dialogues: [f"{len(dialogues[0])}"], read=lambda shown: next(typed))
    /reset forgets what was said, /quit ends
    1
    3
    1
    """
    write("/reset forgets what was said, /quit ends")
    history = []
    while True:
        try:
            line = read("> ").strip()
        except (EOFError, KeyboardInterrupt):
            return
        if line == "/quit":
            return
        if line == "/reset":
            history = []
        elif line:
            answer = reply([[*history, line]])[0]
            write(answer or "……")
            history += [line, answer]
