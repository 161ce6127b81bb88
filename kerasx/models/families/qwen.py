"""Qwen2 and Qwen3: Llama with biases, or with normalized queries and keys."""

from dataclasses import replace

from kerasx.models.families.llama import Llama, causal_heads


class Qwen2(Llama):
    """Qwen 1.5, 2 and 2.5 (arXiv 2407.10671): queries, keys and values have biases.

    The biases help rotations reach further (kexue.fm/archives/9577).

    >>> qwen2 = Qwen2(30, 8, 1, 2, 16, num_key_value_heads=1, final_activation="linear")
    >>> qwen2.build()
    >>> qwen2.model.output.shape
    (None, None, 30)
    """

    attention_options = {"out_bias": False}

    def __init__(self, *args, attention_use_bias=True, **kwargs):
        super().__init__(*args, attention_use_bias=attention_use_bias, **kwargs)

    huggingface = replace(Llama.huggingface, heads=causal_heads("Qwen2"))


class Qwen3(Llama):
    """Qwen3 (arXiv 2505.09388), dense: queries and keys are normalized head by head.

    >>> qwen3 = Qwen3(30, 8, 1, 2, 16, num_key_value_heads=1, final_activation="linear")
    >>> qwen3.build()
    >>> qwen3.model.output.shape
    (None, None, 30)
    """

    qk_norm = True
    huggingface = replace(Llama.huggingface, heads=causal_heads("Qwen3"))
