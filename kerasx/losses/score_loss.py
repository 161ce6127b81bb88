"""The base class of losses that take unactivated scores."""

import keras


class ScoreLoss(keras.losses.Loss):
    """Base class of losses of unactivated scores, computed in float32 or wider.

    A loss in float16 would overflow or lose small differences, so the dtype policy of the model
    can widen the loss but not narrow it.
    """

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        policy = keras.dtype_policies.get(dtype or keras.config.floatx())
        dtype = keras.backend.result_type(policy.compute_dtype, "float32")
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def get_config(self):
        return {**super().get_config(), "dtype": self.dtype}
