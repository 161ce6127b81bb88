"""The base class of layers that can recompute their activations."""

import keras


class Recomputable(keras.layers.Layer):
    """Base of layers whose `call` is decorated with `kerasx.backend.recompute_grad`.

    Args:
        recompute: compute the activations again in the backward pass instead of keeping them; None
            follows the environment variable RECOMPUTE ("1" is on) at each call.
    """

    def __init__(self, recompute=None, **kwargs):
        super().__init__(**kwargs)
        self.recompute = recompute

    def get_config(self):
        return {**super().get_config(), "recompute": self.recompute}
