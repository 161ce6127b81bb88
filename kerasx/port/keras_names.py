"""Names of Keras 2 that Keras 3 has elsewhere, under another name, or no longer.

`MODULES` maps the modules of Keras 2 to those of Keras 3, `MOVED` names to their places, and `GONE`
names without a counterpart to a sentence that says what to write instead.
"""

_LAYER_FILES = """
    advanced_activations convolutional convolutional_recurrent core cudnn_recurrent embeddings
    local merge noise normalization pooling recurrent recurrent_v2 wrappers
"""
_UTIL_FILES = """
    data_utils generic_utils io_utils layer_utils multi_gpu_utils np_utils training_utils vis_utils
"""

MODULES = {
    **{f"keras.layers.{name}": "keras.layers" for name in _LAYER_FILES.split()},
    **{f"keras.utils.{name}": "keras.utils" for name in _UTIL_FILES.split()},
    "keras.backend.tensorflow_backend": "keras.backend",
    "keras.callbacks.callbacks": "keras.callbacks",
    "keras.engine": "keras.layers",
    "keras.engine.base_layer": "keras.layers",
    "keras.engine.input_layer": "keras.layers",
    "keras.engine.network": "keras.layers",
    "keras.engine.sequential": "keras.layers",
    "keras.engine.topology": "keras.layers",
    "keras.engine.training": "keras.layers",
    "keras.initializers.initializers_v2": "keras.initializers",
    "keras.objectives": "keras.losses",
    "keras.optimizers.legacy": "keras.optimizers",
    "keras.optimizers.optimizer_v2": "keras.optimizers",
    "keras.optimizer_v2": "keras.optimizers",
    "keras.optimizer_v2.adam": "keras.optimizers",
    "keras.optimizers.schedules.learning_rate_schedule": "keras.optimizers.schedules",
}

_LOSSES = {
    "MAE": "mean_absolute_error",
    "MAPE": "mean_absolute_percentage_error",
    "MSE": "mean_squared_error",
    "MSLE": "mean_squared_logarithmic_error",
    "cosine": "cosine_similarity",
    "cosine_proximity": "cosine_similarity",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
}
_LOSSES |= {name.lower(): place for name, place in _LOSSES.items()}

MOVED = {
    **{f"keras.losses.{name}": f"keras.losses.{place}" for name, place in _LOSSES.items()},
    **{f"keras.metrics.{name}": f"keras.losses.{place}" for name, place in _LOSSES.items()},
    "keras.constraints.maxnorm": "keras.constraints.max_norm",
    "keras.constraints.nonneg": "keras.constraints.non_neg",
    "keras.constraints.unitnorm": "keras.constraints.unit_norm",
    "keras.initializers.normal": "keras.initializers.random_normal",
    "keras.initializers.uniform": "keras.initializers.random_uniform",
    "keras.layers.CuDNNGRU": "keras.layers.GRU",
    "keras.layers.CuDNNLSTM": "keras.layers.LSTM",
    "keras.layers.Model": "keras.Model",
    "keras.layers.Sequential": "keras.Sequential",
    "keras.models.Input": "keras.Input",
    "keras.models.Layer": "keras.Layer",
    "keras.preprocessing.sequence.pad_sequences": "keras.utils.pad_sequences",
}

_MERGE = "Write `keras.layers.Concatenate()([x, y])`, or Add, Multiply, Average, Dot."
_DISTRIBUTE = (
    "Build and compile the model within `strategy = tf.distribute.MirroredStrategy()`, "
    "`with strategy.scope():` on TensorFlow, or call `keras.distribution.set_distribution("
    "keras.distribution.DataParallel())` before it is built on JAX."
)
_SESSION = "Drop it: Keras 3 has no session; memory is set by the backend."

GONE = {
    "keras.backend.get_session": _SESSION,
    "keras.backend.manual_variable_initialization": _SESSION,
    "keras.backend.set_session": _SESSION,
    "keras.layers.LocallyConnected1D": "Write a layer of your own on keras.ops.",
    "keras.layers.LocallyConnected2D": "Write a layer of your own on keras.ops.",
    "keras.layers.Merge": _MERGE,
    "keras.layers.ThresholdedReLU": "Write `keras.layers.ReLU(threshold=...)`.",
    "keras.layers.merge": _MERGE,
    "keras.layers.saving": "Write `kerasx.models.load_keras_weights(model, path)` for old files.",
    "keras.legacy.interfaces": "Drop it with the decorators, which renamed arguments of Keras 1.",
    "keras.models.model_from_yaml": "Write `keras.models.model_from_json`.",
    "keras.preprocessing.text": "Write `keras.layers.TextVectorization`, or kerasx's Tokenizer.",
    "keras.utils.multi_gpu_model": _DISTRIBUTE,
    "keras.wrappers.scikit_learn": "Write `keras.wrappers.SKLearnClassifier`.",
}

BACKEND = set(
    """
    backend clear_session epsilon floatx get_uid image_data_format is_float_dtype is_int_dtype
    is_keras_tensor result_type set_epsilon set_floatx set_image_data_format standardize_dtype
    """.split()
)  # the functions of keras.backend that Keras 3 still has

LAYERS = set(
    """
    Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention Average
    AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D
    BatchNormalization Bidirectional Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose
    Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution2D
    Convolution3D Cropping1D Cropping2D Cropping3D CuDNNGRU CuDNNLSTM Dense DepthwiseConv1D
    DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding Flatten GRU GRUCell GaussianDropout
    GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
    GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D
    GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization Input InputLayer
    InputSpec LSTM LSTMCell Lambda Layer LayerNormalization LeakyReLU Masking MaxPool1D MaxPool2D
    MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum MultiHeadAttention Multiply
    PReLU Permute RNN ReLU RepeatVector Reshape SeparableConv1D SeparableConv2D SimpleRNN
    SimpleRNNCell Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D StackedRNNCells
    Subtract TimeDistributed UpSampling1D UpSampling2D UpSampling3D Wrapper ZeroPadding1D
    ZeroPadding2D ZeroPadding3D add average concatenate dot maximum minimum multiply subtract
    """.split()
)  # what `from keras.layers import *` brought
STARS = {
    "keras.callbacks": "Callback EarlyStopping LearningRateScheduler ModelCheckpoint "
    "ReduceLROnPlateau TensorBoard",
    "keras.models": "Model Sequential load_model model_from_json save_model",
    "keras.optimizers": "Adadelta Adagrad Adam Adamax Nadam RMSprop SGD",
}  # what scripts use of what other stars brought
