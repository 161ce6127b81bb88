"""Training tricks: each is one line on a model, and all compose.

    model = adversarial_training(model, "Embedding-Token", epsilon=0.5)
    model = flooding(model, 0.1)

A trick changes the loss that the model's train_step minimises; the model stays the same object
and is saved as it was. The trick attached last is the outermost: above, the adversarial loss is
flooded. `adaboost` is no trick: it trains several models in turn.
"""

from kerasx.training.adversarial import (
    adversarial_training,
    random_noise,
    virtual_adversarial_training,
)
from kerasx.training.boosting import BoostedClassifier, adaboost, boosted_network
from kerasx.training.contrastive_accumulation import contrastive_accumulation
from kerasx.training.objective import report_gradient_norm, weigh_batches
from kerasx.training.penalties import (
    flooding,
    gradient_penalty,
    implicit_gradient_regularization,
    r_drop,
)
from kerasx.training.without_gradient import policy_gradient, zeroth_order

__all__ = [
    "BoostedClassifier",
    "adaboost",
    "adversarial_training",
    "boosted_network",
    "contrastive_accumulation",
    "flooding",
    "gradient_penalty",
    "implicit_gradient_regularization",
    "policy_gradient",
    "r_drop",
    "random_noise",
    "report_gradient_norm",
    "virtual_adversarial_training",
    "weigh_batches",
    "zeroth_order",
]
