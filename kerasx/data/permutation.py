"""Permute 0..n-1 at random without a table: any place of the order costs the same, and no memory.

A Feistel network permutes the numbers of b bits: each round XORs one half of the bits with a hash
of the other half, which is its own inverse. Of 2^b numbers, less than half are n or more. They are
permuted again until they are less (cycle walking), so that 0..n-1 is permuted.

Source: Black and Rogaway, Ciphers with arbitrary finite domains, CT-RSA 2002.
"""

import numpy as np

from kerasx.checks import check_integer

_ROUNDS = 8
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # steps between the numbers of SplitMix64


def mix(x):
    """Hash uint64 numbers to uint64 numbers, one to one: the finalizer of SplitMix64."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def mix_numbers(*numbers):
    """Hash integers and integer arrays together to a uint64 array of at least one axis.

    >>> len({int(x) for x in mix_numbers(0, np.arange(100))})
    100
    """
    x = np.zeros(1, "uint64")
    for number in numbers:
        x = mix(x + GOLDEN + mix(np.atleast_1d(number).astype("uint64") + GOLDEN))
    return x


def permuted(places, n, seed):
    """Return what stands at some places of a random permutation of 0..n-1.

    Args:
        places: integers in [0, n), an array of any shape.
        n: size of the permutation, at least 1.
        seed: tuple of integers of at least 0 that tells the permutation from others.

    Returns:
        int64 array of the shape of `places`.

    >>> sorted(permuted(np.arange(10), 10, seed=(0, 1)).tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    n = check_integer("n", n, least=1)
    low = (n - 1).bit_length() // 2
    high = (n - 1).bit_length() - low
    keys = mix_numbers(*seed, np.arange(_ROUNDS))
    places = np.asarray(places)
    x = places.reshape(-1).astype("uint64")
    outside = np.ones(x.shape, "bool")
    while outside.any():
        x = np.where(outside, _feistel(x, low, high, keys), x)
        outside = x >= np.uint64(n)
    return x.astype("int64").reshape(places.shape)


def _feistel(x, low, high, keys):
    low_mask, high_mask = np.uint64((1 << low) - 1), np.uint64((1 << high) - 1)
    a, b = x & low_mask, x >> np.uint64(low)
    for first, second in zip(keys[::2], keys[1::2]):
        b = b ^ (mix(a + first) & high_mask)
        a = a ^ (mix(b + second) & low_mask)
    return (b << np.uint64(low)) | a
