"""Optimizers, learning-rate schedules, and class factories that extend any Keras optimizer."""

from kerasx.optimizers.adafactor import AdaFactor
from kerasx.optimizers.adam import Adam
from kerasx.optimizers.amos import AmosDecay, extend_with_amos
from kerasx.optimizers.averaging import (
    extend_with_exponential_moving_average,
    extend_with_lookahead,
)
from kerasx.optimizers.clipping import extend_with_soft_clipping
from kerasx.optimizers.exponentiated_gradient import ExponentiatedGradient
from kerasx.optimizers.gradient_accumulation import (
    extend_with_gradient_accumulation,
    extend_with_momentum_accumulation,
)
from kerasx.optimizers.layer_adaptation import extend_with_layer_adaptation
from kerasx.optimizers.lazy_optimization import extend_with_lazy_optimization
from kerasx.optimizers.lora_plus import lora_plus
from kerasx.optimizers.rate_factors import (
    extend_with_parameter_wise_lr,
    extend_with_piecewise_linear_lr,
)
from kerasx.optimizers.schedules import PiecewiseLinear, warmup_cosine
from kerasx.optimizers.tiger import Tiger
from kerasx.optimizers.weight_decay import extend_with_weight_decay

__all__ = [
    "AdaFactor",
    "Adam",
    "AmosDecay",
    "ExponentiatedGradient",
    "PiecewiseLinear",
    "Tiger",
    "extend_with_amos",
    "extend_with_exponential_moving_average",
    "extend_with_gradient_accumulation",
    "extend_with_layer_adaptation",
    "extend_with_lazy_optimization",
    "extend_with_lookahead",
    "extend_with_momentum_accumulation",
    "extend_with_parameter_wise_lr",
    "extend_with_piecewise_linear_lr",
    "extend_with_soft_clipping",
    "extend_with_weight_decay",
    "lora_plus",
    "warmup_cosine",
]
