"""Draw random bits that are a function of a seed, on each backend."""

import keras


def random_int16(x, seed):
    """Draw uniform int16 numbers.

    Args:
        x: tensor whose shape (and device) the result has.
        seed: two random 32-bit words, as `keras.random.SeedGenerator.next()` returns.
    """
    return _LANES[keras.backend.backend()](x, seed)


def _tensorflow_lanes(x, seed):
    import tensorflow as tf

    count = tf.size(x)
    words = tf.random.stateless_uniform(
        [(count + 1) // 2], seed, minval=None, maxval=None, dtype="int32", alg="philox"
    )
    lanes = tf.reshape(tf.bitcast(words, "int16"), [-1])[:count]
    return tf.ensure_shape(tf.reshape(lanes, tf.shape(x)), x.shape)


def _jax_lanes(x, seed):
    import jax

    words = jax.random.bits(seed, ((x.size + 1) // 2,), "uint32")
    lanes = jax.lax.bitcast_convert_type(words, "int16")
    return lanes.reshape(-1)[: x.size].reshape(x.shape)


def _torch_lanes(x, seed):
    import torch

    if x.device.type == "meta":  # Keras infers shapes on this device, which has no generators
        return torch.empty_like(x, dtype=torch.int16)
    generator = torch.Generator(x.device).manual_seed(_mixed(*seed.tolist()))
    words = torch.empty((x.numel() + 3) // 4, dtype=torch.int64, device=x.device)
    words.random_(-(2**63), None, generator=generator)
    return words.view(torch.int16)[: x.numel()].view(x.shape)


def _mixed(high, low):
    """Return 63 bits that each depend on both words: torch's generator of a CPU reads only 32.

    The last step of SplitMix64 (doi 10.1145/2660193.2660195).
    """
    z = (high & 0xFFFFFFFF) << 32 | low & 0xFFFFFFFF
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ z >> shift) * factor & 0xFFFFFFFFFFFFFFFF
    return (z ^ z >> 31) >> 1


_LANES = {"tensorflow": _tensorflow_lanes, "jax": _jax_lanes, "torch": _torch_lanes}
