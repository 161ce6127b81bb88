"""Choose what a model starts from: a pretrained folder, or a small configuration."""

from typing import Any, NamedTuple

from kerasx.tokenizers import Tokenizer, character_vocab, load_vocab


class StartingPoint(NamedTuple):
    """A model's configuration, tokenizer and learning rate, as `starting_point` chooses them.

    Attributes:
        config: the first argument of `build_transformer_model`, a path or a dict.
        tokenizer: a `Tokenizer`.
        keep_tokens: list of int, the ids that the tokenizer's vocabulary keeps of the pretrained
            one, for `build_transformer_model(keep_tokens=...)`; None for all.
        learning_rate: float, the usual one for such a model.
        pretrained: bool, whether the model has pretrained weights.
    """

    config: Any
    tokenizer: Any
    keep_tokens: list | None
    learning_rate: float
    pretrained: bool


def starting_point(
    folder,
    texts,
    hidden_size=64,
    num_hidden_layers=1,
    max_position=512,
    min_count=1,
    learning_rate=3e-3,
    simplified=False,
    **others,
):
    """Choose between a pretrained model and a small one on the characters of the data.

    Args:
        folder: the folder (or configuration file) of a pretrained BERT with its `vocab.txt`; None
            for a small model with random weights, which all other arguments but one are for.
        texts: iterable of str, whose characters become the small model's vocabulary.
        hidden_size, num_hidden_layers, max_position, **others: the small model's sizes, see
            `bert_config`.
        min_count: int, characters that occur less often are unknown to the small model.
        learning_rate: float, the small model's; a pretrained model's is 2e-5.
        simplified: whether to leave out the pretrained tokens that Chinese text can never give,
            see `load_vocab`.

    Returns:
        A `StartingPoint`.

    >>> start = starting_point(None, ["你好", "好"], hidden_size=8)
    >>> start.config["vocab_size"], start.tokenizer.encode("好")[0], start.learning_rate
    (7, [2, 6, 3], 0.003)
    """
    if folder is not None:
        vocabulary, keep_tokens = _pretrained_vocabulary(folder, simplified)
        tokenizer = Tokenizer(vocabulary, do_lower_case=True)
        return StartingPoint(folder, tokenizer, keep_tokens, 2e-5, pretrained=True)
    vocabulary = character_vocab(texts, min_count=min_count)
    tokenizer = Tokenizer(vocabulary, do_lower_case=True)
    config = bert_config(len(vocabulary), hidden_size, num_hidden_layers, max_position, **others)
    return StartingPoint(config, tokenizer, None, learning_rate, pretrained=False)


def _pretrained_vocabulary(folder, simplified):
    if not simplified:
        return load_vocab(folder), None
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    return load_vocab(folder, simplified=True, startswith=specials)


def bert_config(vocab_size, hidden_size=64, num_hidden_layers=1, max_position=512, **others):
    """Return the configuration of a BERT of any size: four heads, and 4 × hidden_size inside.

    Args:
        vocab_size: number of tokens.
        hidden_size: a multiple of 4.
        num_hidden_layers: number of blocks.
        max_position: longest sequence.
        **others: further keys, or other values of these.

    Returns:
        A dict for `build_transformer_model`.

    >>> bert_config(5000, hidden_size=128)["intermediate_size"]
    512
    """
    return {
        "vocab_size": vocab_size,
        "hidden_size": hidden_size,
        "num_hidden_layers": num_hidden_layers,
        "num_attention_heads": 4,
        "intermediate_size": 4 * hidden_size,
        "max_position": max_position,
        "dropout_rate": 0.1,
        **others,
    }


def t5_config(vocab_size, d_model=64, num_layers=1, **others):
    """Return the configuration of an mT5 of any size: four heads, and 2 × d_model inside.

    Args:
        vocab_size: number of tokens.
        d_model: hidden size, a multiple of 4.
        num_layers: number of blocks of the encoder, and of the decoder.
        **others: further keys, or other values of these.

    Returns:
        A dict for `build_transformer_model`, with the keys of transformers.

    >>> t5_config(5000, d_model=128)["d_ff"]
    256
    """
    return {
        "model_type": "mt5",
        "vocab_size": vocab_size,
        "d_model": d_model,
        "d_kv": d_model // 4,
        "d_ff": 2 * d_model,
        "num_layers": num_layers,
        "num_heads": 4,
        **others,
    }
