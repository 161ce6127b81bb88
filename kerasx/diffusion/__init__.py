"""Diffusion models: noise schedules, training on noise prediction, sampling with any variance.

A schedule is an array of ᾱ_0 = 1, ..., ᾱ_T, and x_t = ᾱ_t x_0 + β̄_t ε with ᾱ_t² + β̄_t² = 1. A
network predicts the noise ε from x_t and t.

    trainer = noise_prediction(network, cosine_schedule(1000))    # compile and fit it on data
    sample = Sampler(network, cosine_schedule(1000), steps=20)
    images = sample(16, seed=0)
"""

from kerasx.diffusion.estimates import estimate_variance
from kerasx.diffusion.noise import AddNoise, noise_prediction
from kerasx.diffusion.noise_schedules import cosine_schedule, linear_schedule
from kerasx.diffusion.sampler import Sampler
from kerasx.diffusion.steps import reverse_step
from kerasx.diffusion.variance_heads import variance_prediction

__all__ = [
    "AddNoise",
    "Sampler",
    "cosine_schedule",
    "estimate_variance",
    "linear_schedule",
    "noise_prediction",
    "reverse_step",
    "variance_prediction",
]
