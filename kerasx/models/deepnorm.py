"""Compute DeepNorm's constants: the scale of residuals and of initial kernels by the depth."""

import keras

from kerasx.checks import invalid


def deepnorm_constants(encoder_layers=0, decoder_layers=0):
    """Return ((α, β) of the encoder, (α, β) of the decoder); None for a half without layers.

    Blocks compute LayerNorm(αx + f(x)), and the kernels of values, outputs and feed-forward
    networks start with Xavier's deviation times β, so that the size of a model's first updates does
    not depend on its depth:

        N layers alone                 α = (2N)^(1/4),          β = (8N)^(-1/4)
        encoder of N, decoder of M     α = 0.81 (N⁴M)^(1/16),   β = 0.87 (N⁴M)^(-1/16)
        decoder of M after an encoder  α = (3M)^(1/4),          β = (12M)^(-1/4)

    Args:
        encoder_layers: N, a number of blocks.
        decoder_layers: M, a number of blocks.

    Source: arXiv 2203.00555; kexue.fm/archives/8994.

    >>> encoder, decoder = deepnorm_constants(12)
    >>> [round(x, 3) for x in encoder], decoder
    ([2.213, 0.319], None)
    """
    n, m = encoder_layers, decoder_layers
    if min(n, m) < 0 or n + m == 0:
        raise invalid(
            "`encoder_layers` and `decoder_layers` must not be negative, nor both 0.",
            encoder_layers=n,
            decoder_layers=m,
        )
    if n and m:
        depth = (n**4 * m) ** (1 / 16)
        return (0.81 * depth, 0.87 / depth), ((3 * m) ** 0.25, (12 * m) ** -0.25)
    alone = ((2 * (n + m)) ** 0.25, (8 * (n + m)) ** -0.25)
    return (alone, None) if n else (None, alone)


def xavier(gain=1.0):
    """Return the normal initializer of variance gain² · 2 / (fan-in + fan-out)."""
    return keras.initializers.VarianceScaling(gain**2, "fan_avg", "untruncated_normal")
