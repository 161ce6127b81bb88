"""Public names of bert4keras 0.2 to 0.11.5, each with its place in kerasx or what replaces it.

`NAMES` maps "bert4keras.backend.batch_gather" to ("kerasx.ops.batch_gather", None), and a name
without a counterpart to (None, a sentence that says what to do). A place without a dot is a module.
Modules that later versions renamed (`bert`, `tokenizer`, `utils`, `train`) have rows of their own.
"""


def _in(room, names):
    """Return {name: place} of names that a room has under the same name."""
    return {name: f"{room}.{name}" for name in names.split()}


_BACKEND = {
    **_in(
        "kerasx.ops",
        """
        align apply_rotary_position_embeddings attention_normalize batch_gather
        divisible_temporal_padding flatten gelu_erf gelu_tanh leaky_relu
        multilabel_categorical_crossentropy piecewise_linear pool1d reshape root_mean_square
        sequence_masking sinusoidal_embeddings sparse_multilabel_categorical_crossentropy swish
        """,
    ),
    **_in("kerasx.backend", "K keras recompute_grad search_layer set_gelu"),
    **_in("kerasx.text", "is_string"),
    "dtype": "kerasx.backend.legacy.dtype",
    "log": "keras.ops.log",
    "where": "kerasx.backend.legacy.where",
    "infinity": "numpy.inf",
    "np": "numpy",
    "tf": "tensorflow",
    "os": "os",
    "sys": "sys",
}

_LAYERS = {
    **_in(
        "kerasx.layers",
        """
        BatchConcat BatchSplit BiasAdd Concatenate1D ConditionalRandomField EfficientGlobalPointer
        Embedding FeedForward GatedAttentionUnit GlobalAveragePooling1D GlobalMaxPooling1D
        GlobalPointer LayerNormalization Loss MaximumEntropyMarkovModel MultiHeadAttention
        PositionEmbedding RelativePositionEmbedding RelativePositionEmbeddingT5 ScaleOffset
        SinusoidalPositionEmbedding
        """,
    ),
    **_in(
        "kerasx.ops",
        """
        align apply_rotary_position_embeddings attention_normalize divisible_temporal_padding
        flatten gelu_erf gelu_tanh pool1d reshape sequence_masking sinusoidal_embeddings
        """,
    ),
    **_in("kerasx.backend", "K keras recompute_grad search_layer set_gelu"),
    **_in("kerasx.text", "is_string"),
    **_in("keras", "Model activations initializers"),
    "EmbeddingDense": "kerasx.layers.Embedding",
    "Layer": "keras.layers.Layer",
    "OurLayer": "keras.layers.Layer",
    "Scale": "kerasx.layers.ScaleOffset",
    "np": "numpy",
    "tf": "tensorflow",
}

_MODELS = {
    **_in(
        "kerasx.models",
        """
        ALBERT ALBERT_Unshared BERT ELECTRA GPT GPT2 GPT2_ML LM_Mask NEZHA RoFormer RoFormerV2 T5
        T5_Decoder T5_Encoder Transformer UniLM_Mask build_transformer_model
        extend_with_language_model extend_with_unified_language_model
        """,
    ),
    **{name: place for name, place in _LAYERS.items() if name not in ("Layer", "OurLayer")},
    **_in("kerasx.snippets", "delete_arguments insert_arguments orthogonally_resize"),
    **_in("kerasx.text", "string_matching"),
    "BertModel": "kerasx.models.BERT",
    "GPT_OpenAI": "kerasx.models.GPT",
    "Layer": "keras.layers.Layer",
    "Model": "keras.Model",
    "build_bert_model": "kerasx.models.build_transformer_model",
    "is_one_of": "kerasx.snippets.is_one_of",
    "json": "json",
}

_BERT = {
    **_MODELS,
    "get_bert_model": "kerasx.models.build_transformer_model",
    "load_pretrained_model": "kerasx.models.build_transformer_model",
}

_OPTIMIZERS = {
    **_in(
        "kerasx.optimizers",
        """
        AdaFactor Adam extend_with_exponential_moving_average extend_with_gradient_accumulation
        extend_with_layer_adaptation extend_with_lazy_optimization extend_with_lookahead
        extend_with_parameter_wise_lr extend_with_piecewise_linear_lr extend_with_weight_decay
        """,
    ),
    **_in("kerasx.backend", "K keras"),
    **_in("kerasx.text", "is_string string_matching"),
    **_in("kerasx.snippets", "insert_arguments is_one_of"),
    **_in("kerasx.ops", "piecewise_linear"),
    "AdaFactorBase": "kerasx.optimizers.AdaFactor",
    "AdaFactorV1": "kerasx.optimizers.AdaFactor",
    "AdaFactorV2": "kerasx.optimizers.AdaFactor",
    "Lion": "keras.optimizers.Lion",
    "LionV2": "keras.optimizers.Lion",
    "np": "numpy",
    "re": "re",
    "rms": "kerasx.ops.root_mean_square",
    "tf": "tensorflow",
}
_OPTIMIZERS |= {
    f"{name}_v2": place for name, place in _OPTIMIZERS.items() if name.startswith("extend_")
}

_SNIPPETS = {
    **_in(
        "kerasx.snippets",
        """
        AutoRegressiveDecoder DataGenerator ViterbiDecoder WebServing convert_to_str
        convert_to_unicode delete_arguments insert_arguments is_one_of is_string
        longest_common_subsequence longest_common_substring lowercase_and_normalize open
        orthogonally_resize parallel_apply parallel_apply_generator sequence_padding softmax
        strQ2B string_matching text_segmentate to_array truncate_sequences
        """,
    ),
    **_in("kerasx.backend", "K keras"),
    "BeamSearch": "kerasx.snippets.AutoRegressiveDecoder",
    "defaultdict": "collections.defaultdict",
    "np": "numpy",
    "simple_string_matching": "kerasx.snippets.string_matching",
    "tf": "tensorflow",
    **{name: name for name in "json logging os re sys unicodedata".split()},
}

_TOKENIZERS = {
    **_in("kerasx.tokenizers", "SpTokenizer Tokenizer load_vocab save_vocab"),
    **_in("kerasx.snippets", "convert_to_unicode is_string lowercase_and_normalize open"),
    **_in("kerasx.snippets", "truncate_sequences"),
    "re": "re",
    "unicodedata": "unicodedata",
}

_UTILS = {
    **_TOKENIZERS,
    **_in("kerasx.snippets", "parallel_apply"),
    "SimpleTokenizer": "kerasx.tokenizers.Tokenizer",
    "SpmTokenizer": "kerasx.tokenizers.SpTokenizer",
    "pool_map": "kerasx.snippets.parallel_apply",
}

_PLACES = {
    "backend": _BACKEND,
    "bert": _BERT,
    "layers": _LAYERS,
    "models": _MODELS,
    "optimizers": _OPTIMIZERS,
    "snippets": _SNIPPETS,
    "tokenizer": _TOKENIZERS,
    "tokenizers": _TOKENIZERS,
    "train": _in("kerasx.backend", "K keras") | _in("kerasx.ops", "piecewise_linear"),
    "utils": _UTILS,
}

_PYTHON_2 = "Drop it: Python 3 is the only Python."
_KERAS_3 = "Drop it: there is one Keras, and it runs on TensorFlow, JAX and PyTorch."
_TENSORFLOW_1 = (
    "Drop it: it reached into TensorFlow's graph; kerasx.backend.recompute_grad needs none."
)
_REGISTERED = "Drop it: kerasx's classes are registered, so load_model finds them by itself."
_CUT_STARS = "Import the names from keras.layers: `from keras.layers import Dense, Lambda`."
_EXTEND = (
    "Write `extend_with_unified_language_model(BERT)` or `extend_with_language_model(BERT)` of "
    "kerasx.models, or pass application='unilm' or 'lm' to build_transformer_model."
)
_KEPT_LAYER = (
    "Write the few lines as a keras.layers.Layer of your own; kerasx's models do without it."
)

_GONE = {
    "backend": {
        "Sinusoidal": "Write `kerasx.layers.SinusoidalPositionEmbedding(output_dim)`, or pass the "
        "table `kerasx.ops.sinusoidal_embeddings(keras.ops.arange(n), dim)` to Constant.",
        "basestring": _PYTHON_2.replace("Drop it", "Write str"),
        "custom_objects": _REGISTERED,
        "device_lib": "Write `keras.distribution.list_devices()`.",
        "do_recompute": "Decorate `call` of a layer of your own by kerasx.backend.recompute_grad; "
        "its attribute recompute = None makes it follow the variable RECOMPUTE.",
        "get_all_attributes": _CUT_STARS,
        "get_available_gpus": "Write `keras.distribution.list_devices()`.",
        "graph_mode_decorator": _TENSORFLOW_1,
        "is_str": _PYTHON_2.replace("Drop it", "Write isinstance(s, str)"),
        "is_tf_eager": _KERAS_3,
        "is_tf_keras": _KERAS_3,
        "nest": "Write `keras.tree`.",
        "print_function": _PYTHON_2,
        "set_infinity": "Drop it: masks are chosen for the dtype.",
        "strtobool": "Write `value == '1'`.",
        "symbolic": _TENSORFLOW_1,
        "tape": _TENSORFLOW_1,
        "tf_inspect": "Write `inspect` of Python.",
    },
    "bert": {
        "Bert4LM": _EXTEND,
        "Bert4Seq2seq": _EXTEND,
        "OrderedDict": _PYTHON_2,
        "filter": _PYTHON_2,
        "gelu_version": "Call `kerasx.backend.set_gelu('tanh')` before the model is built.",
        "get_bert_encoder": _EXTEND,
        "get_bert_encoder_from_config": _EXTEND,
        "get_bert_seq2seq": _EXTEND,
        "get_gelu": "Write `kerasx.ops.gelu_erf` or `kerasx.ops.gelu_tanh`.",
        "load_pretrained_encoder": _EXTEND,
        "load_pretrained_seq2seq": _EXTEND,
        "load_weights_from_checkpoint": "Pass checkpoint_path to build_transformer_model.",
        "partial": "Write `from functools import partial`.",
    },
    "layers": {
        "FactorizedEmbedding": "Pass `embedding_size` to build_transformer_model: kerasx maps the "
        "small embedding by a dense layer.",
        "GroupDense": _KEPT_LAYER,
        "LooseVersion": _KERAS_3,
        "Node": _KERAS_3,
        "NodeBase": _KERAS_3,
        "StrictVersion": _KERAS_3,
        "ZeroMasking": "Multiply by the mask: `x * kerasx.ops.align(mask, [0, 1], 3)`.",
        "add_mask": "Write `kerasx.ops.sequence_masking(x, mask, value='-inf')`.",
        "add_seq_mask": "Write `kerasx.ops.sequence_masking(x, mask, value='-inf')`.",
        "base_layer": _KERAS_3,
        "custom_objects": _REGISTERED,
        "gelu": "Write `kerasx.ops.gelu_erf` or `kerasx.ops.gelu_tanh`.",
        "gelu_version": "Call `kerasx.backend.set_gelu('tanh')` before the model is built.",
        "get_all_attributes": _CUT_STARS,
        "integerize_shape": "Drop it: Keras 3 gives `build` integers.",
        "inspect": "Write `import inspect`.",
        "is_tf_keras": _KERAS_3,
    },
    "models": {
        "Bert4LM": _EXTEND,
        "Bert4Seq2seq": _EXTEND,
        "OrderedDict": _PYTHON_2,
        "T5_Base": "Subclass `kerasx.models.T5_Encoder` or `T5_Decoder`, or `Transformer`.",
        "data_parallel": "Build the model within a `keras.distribution.DataParallel()` (JAX) or a "
        "`tf.distribute.MirroredStrategy` (TensorFlow).",
        "device_lib": "Write `keras.distribution.list_devices()`.",
        "extend_with_parallel_unified_language_model": _EXTEND,
        "get_available_gpus": "Write `keras.distribution.list_devices()`.",
    },
    "optimizers": {
        "ExponentialMovingAverage": "Write `extend_with_exponential_moving_average(Adam)`, or "
        "use `kerasx.callbacks.EMAEvaluation`.",
        "custom_objects": _REGISTERED,
        "export_to_custom_objects": "Write `@keras.saving.register_keras_serializable()`.",
        "extend_with_gradient_centralization": "Subtract the mean in an optimizer of your own: "
        "override `update_step(gradient, variable, learning_rate)`.",
        "is_tf_keras": _KERAS_3,
    },
    "snippets": {
        "Hook": _PYTHON_2,
        "Progress": "Write `tqdm.tqdm(iterable)`.",
        "basestring": _PYTHON_2.replace("Drop it", "Write str"),
        "get_all_attributes": _CUT_STARS,
        "groupby": "Write `itertools.groupby`.",
        "is_py2": _PYTHON_2,
        "six": _PYTHON_2,
        "uniout": "Drop it: Python 3 prints Chinese.",
    },
    "tokenizers": {
        "BasicTokenizer": "Subclass `kerasx.tokenizers.Tokenizer`.",
        "TokenizerBase": "Subclass `kerasx.tokenizers.Tokenizer`.",
        "is_py2": _PYTHON_2,
    },
    "train": {
        "GradientAccumulation": "Write `extend_with_gradient_accumulation(Adam)`, which takes "
        "`grad_accum_steps`.",
        "LAMB": "Write `extend_with_layer_adaptation(extend_with_weight_decay(Adam))`.",
        "OptimizerV2": "Subclass `keras.optimizers.Optimizer`.",
        "OptimizerWrapper": "Extend an optimizer's class: `extend_with_*` of kerasx.optimizers.",
        "PiecewiseLinearLearningRate": "Write `extend_with_piecewise_linear_lr(Adam)`, which "
        "takes `lr_schedule`.",
        "add_weight_decay_into": "Write `extend_with_weight_decay(Adam)`, which takes "
        "`weight_decay_rate`.",
        "get_all_attributes": _CUT_STARS,
    },
    "utils": {
        "basestring": _PYTHON_2.replace("Drop it", "Write str"),
        "load_weights_from_checkpoint": "Pass checkpoint_path to build_transformer_model.",
    },
}
_GONE["tokenizer"] = _GONE["tokenizers"]
_GONE["utils"] |= _GONE["tokenizers"]
_GONE["models"] |= {k: v for k, v in _GONE["layers"].items() if k not in _GONE["models"]}
_GONE["bert"] |= {k: v for k, v in _GONE["models"].items() if k not in _GONE["bert"]}

NAMES = {
    f"bert4keras.{module}.{name}": (place, None)
    for module, places in _PLACES.items()
    for name, place in places.items()
} | {
    f"bert4keras.{module}.{name}": (None, advice)
    for module, advices in _GONE.items()
    for name, advice in advices.items()
}
