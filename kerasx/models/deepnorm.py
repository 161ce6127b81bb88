"""DeepNorm: how much of a residual to keep, and how small to start, by the number of layers."""

import keras

__all__ = ["deepnorm_constants", "xavier"]


def deepnorm_constants(encoder_layers=0, decoder_layers=0):
    """((α, β) of the encoder, (α, β) of the decoder), None for one without layers.

    Blocks compute LayerNorm(αx + f(x)), and the kernels of values, outputs and feed-forward
    networks start with Xavier's deviation times β, so that the first updates of a model stay of
    one size however deep it is. N layers alone have α = (2N)^(1/4), β = (8N)^(-1/4); an encoder of
    N before a decoder of M layers α = 0.81 (N⁴M)^(1/16), β = 0.87 (N⁴M)^(-1/16), that decoder
    α = (3M)^(1/4), β = (12M)^(-1/4).

    Args:
        encoder_layers: N.
        decoder_layers: M.

    Source: arXiv 2203.00555; kexue.fm/archives/8994.

    >>> encoder, decoder = deepnorm_constants(12)
    >>> [round(x, 3) for x in encoder], decoder
    ([2.213, 0.319], None)
    """
    n, m = encoder_layers, decoder_layers
    if min(n, m) < 0 or n + m == 0:
        raise ValueError(
            "`encoder_layers` and `decoder_layers` must not be negative, nor both 0. "
            f"Received: encoder_layers={n}, decoder_layers={m}"
        )
    if n and m:
        depth = (n**4 * m) ** (1 / 16)
        return (0.81 * depth, 0.87 / depth), ((3 * m) ** 0.25, (12 * m) ** -0.25)
    alone = ((2 * (n + m)) ** 0.25, (8 * (n + m)) ** -0.25)
    return (alone, None) if n else (None, alone)


def xavier(gain=1.0):
    """The normal initializer of variance gain² · 2 / (fan-in + fan-out)."""
    return keras.initializers.VarianceScaling(gain**2, "fan_avg", "untruncated_normal")
