"""Random logits in place of a model's."""

import numpy as np
import pytest
from keras import ops

from kerasx.generation import BeamSearch, Constraint, Greedy, Sampling

STRATEGIES = {
    "greedy": Greedy(),
    "beam": BeamSearch(3),
    "sampling": Sampling(3, top_k=4, seed=0),
}


each_strategy = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)


class Noise(Constraint):
    """Replaces the model's logits by random ones: another draw for each prompt and step.

    Attributes:
        bias: dict of ids to what is added to their logits.
    """

    def __init__(self, seed=0, scale=3.0):
        self.seed = seed
        self.scale = scale
        self.bias = {}

    def start(self, prompts, vocab_size, steps):
        draw = np.random.default_rng(self.seed)
        noise = draw.standard_normal((len(prompts), steps, vocab_size)) * self.scale
        for i, bias in self.bias.items():
            noise[..., i] += bias
        return noise.astype("float32"), ()

    def apply(self, tables, state, logits, step):
        noise = ops.take(tables, step, axis=1)[:, None]
        return ops.broadcast_to(noise, ops.shape(logits))
