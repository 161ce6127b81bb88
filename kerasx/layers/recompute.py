"""The base of layers that can compute their activations again."""

import keras

__all__ = ["Recomputable"]


class Recomputable(keras.layers.Layer):
    """A layer whose `call` is decorated with `kerasx.backend.recompute_grad`, behind a switch.

    Args:
        recompute: compute the activations again in the backward pass instead of keeping them;
            None asks the environment variable RECOMPUTE ("1" is yes) at each call.
    """

    def __init__(self, recompute=None, **kwargs):
        super().__init__(**kwargs)
        self.recompute = recompute

    def get_config(self):
        return {**super().get_config(), "recompute": self.recompute}
