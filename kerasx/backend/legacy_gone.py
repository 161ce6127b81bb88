"""Name a replacement of each function of Keras 2's backend that has no equivalent."""

_CALL = "pass `training=True` or False to the call of the model."
_SESSION = "there are no sessions; `K.eval(x)` returns the value of a tensor."
_IMAGES = "use the layer of keras.layers, or keras.ops and keras.ops.image."
_CTC = "use keras.losses.CTC, or keras.ops.ctc_loss and keras.ops.ctc_decode."
_SPARSE = "there are no sparse tensors; leave it out."

INSTEAD = {
    "batch_get_session": _SESSION,
    "control_flow_ops": "use keras.ops.cond, keras.ops.while_loop or keras.ops.scan.",
    "conv2d_transpose": _IMAGES,
    "conv3d": _IMAGES,
    "conv3d_transpose": _IMAGES,
    "ctc_batch_cost": _CTC,
    "ctc_decode": _CTC,
    "ctc_label_dense_to_sparse": _CTC,
    "depthwise_conv2d": _IMAGES,
    "get_graph": _SESSION,
    "get_session": _SESSION,
    "get_variable_shape": "use K.int_shape.",
    "gradients": (
        "use kerasx.backend.value_and_grad(f)(tensors), or for a known trick "
        "kerasx.training.adversarial_training, gradient_penalty, virtual_adversarial_training or "
        "kerasx.probing.integrated_gradients."
    ),
    "image_dim_ordering": "use K.image_data_format.",
    "is_placeholder": "use K.is_keras_tensor.",
    "is_sparse": _SPARSE,
    "is_variable": "use isinstance(x, keras.Variable).",
    "learning_phase": (
        "take `training=None` as an argument of the layer's `call`; K.in_train_phase(x, alt) works."
    ),
    "learning_phase_scope": _CALL,
    "local_conv1d": _IMAGES,
    "local_conv2d": _IMAGES,
    "manual_variable_initialization": "variables have their values at once; leave it out.",
    "normalize_batch_in_training": "use keras.layers.BatchNormalization.",
    "placeholder": "use keras.Input.",
    "pool3d": _IMAGES,
    "print_tensor": "print it in a model compiled with run_eagerly=True.",
    "random_normal_variable": "use K.variable(K.random_normal(shape, mean, scale)).",
    "random_uniform_variable": "use K.variable(K.random_uniform(shape, low, high)).",
    "reset_uids": "use K.clear_session.",
    "resize_images": _IMAGES,
    "resize_volumes": _IMAGES,
    "separable_conv1d": _IMAGES,
    "separable_conv2d": _IMAGES,
    "set_image_dim_ordering": "use K.set_image_data_format.",
    "set_learning_phase": _CALL,
    "set_session": "there are no sessions; leave it out, with the tf.Session.",
    "spatial_2d_padding": _IMAGES,
    "spatial_3d_padding": _IMAGES,
    "tensorflow_backend": "import what K has from kerasx.backend.K.",
    "tf": "import tensorflow as tf, or use keras.ops, which all backends have.",
    "to_dense": _SPARSE,
}
