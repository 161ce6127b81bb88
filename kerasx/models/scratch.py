"""Configurations for models trained from scratch."""

__all__ = ["bert_config"]


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
