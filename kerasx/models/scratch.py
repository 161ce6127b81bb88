"""Configurations for models trained from scratch."""

__all__ = ["bert_config", "t5_config"]


def bert_config(vocab_size, hidden_size=64, num_hidden_layers=1, max_position=512, **others):
    """A BERT of any size in the proportions of BERT: four heads, and 4 × hidden_size inside.

    Args:
        vocab_size: number of tokens.
        hidden_size: a multiple of 4.
        num_hidden_layers: number of blocks.
        max_position: longest sequence.
        **others: further keys, or other values of these.

    Returns:
        A configuration for `build_transformer_model`.

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
    """An mT5 of any size in the proportions of mT5: four heads, and 2 × d_model inside.

    Args:
        vocab_size: number of tokens.
        d_model: hidden size, a multiple of 4.
        num_layers: number of blocks of the encoder, and of the decoder.
        **others: further keys, or other values of these.

    Returns:
        A configuration for `build_transformer_model`, in the words of transformers.

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
