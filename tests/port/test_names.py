"""Every public name of bert4keras is in the table, and every place in kerasx exists."""

import importlib
import importlib.util

import pytest

from kerasx.port.keras_names import MODULES, MOVED
from kerasx.port.names import NAMES

# what `dir` of the modules of bert4keras 0.11.5 shows, less what Keras has
BERT4KERAS = {
    "backend": """
        K Sinusoidal align apply_rotary_position_embeddings attention_normalize batch_gather
        custom_objects device_lib divisible_temporal_padding do_recompute dtype flatten gelu_erf
        gelu_tanh get_available_gpus graph_mode_decorator is_tf_keras keras leaky_relu
        multilabel_categorical_crossentropy nest np os piecewise_linear pool1d recompute_grad
        reshape root_mean_square search_layer sequence_masking set_gelu sinusoidal_embeddings
        sparse_multilabel_categorical_crossentropy strtobool swish symbolic sys tape tf tf_inspect
        where
    """,
    "layers": """
        BatchConcat BatchSplit Concatenate1D ConditionalRandomField EfficientGlobalPointer
        Embedding FeedForward GatedAttentionUnit GlobalAveragePooling1D GlobalMaxPooling1D
        GlobalPointer K Layer LayerNormalization Loss MaximumEntropyMarkovModel Model
        MultiHeadAttention Node NodeBase PositionEmbedding RelativePositionEmbedding
        RelativePositionEmbeddingT5 ScaleOffset SinusoidalPositionEmbedding activations align
        apply_rotary_position_embeddings attention_normalize base_layer custom_objects initializers
        inspect integerize_shape is_tf_keras keras np recompute_grad sequence_masking
        sinusoidal_embeddings tf
    """,
    "models": """
        ALBERT ALBERT_Unshared BERT BatchConcat BatchSplit Concatenate1D ConditionalRandomField
        ELECTRA EfficientGlobalPointer Embedding FeedForward GPT GPT2 GPT2_ML GatedAttentionUnit
        GlobalAveragePooling1D GlobalMaxPooling1D GlobalPointer K LM_Mask Layer LayerNormalization
        Loss MaximumEntropyMarkovModel Model MultiHeadAttention NEZHA Node NodeBase
        PositionEmbedding RelativePositionEmbedding RelativePositionEmbeddingT5 RoFormer RoFormerV2
        ScaleOffset SinusoidalPositionEmbedding T5 T5_Base T5_Decoder T5_Encoder Transformer
        UniLM_Mask activations align apply_rotary_position_embeddings attention_normalize
        base_layer build_transformer_model custom_objects data_parallel delete_arguments
        extend_with_language_model extend_with_unified_language_model get_available_gpus
        initializers insert_arguments inspect integerize_shape is_string is_tf_keras json keras np
        orthogonally_resize recompute_grad sequence_masking sinusoidal_embeddings string_matching tf
    """,
    "optimizers": """
        AdaFactor AdaFactorBase AdaFactorV1 AdaFactorV2 Adam K Lion LionV2 custom_objects
        export_to_custom_objects extend_with_exponential_moving_average
        extend_with_exponential_moving_average_v2 extend_with_gradient_accumulation
        extend_with_gradient_accumulation_v2 extend_with_layer_adaptation
        extend_with_layer_adaptation_v2 extend_with_lazy_optimization
        extend_with_lazy_optimization_v2 extend_with_lookahead extend_with_lookahead_v2
        extend_with_parameter_wise_lr extend_with_parameter_wise_lr_v2
        extend_with_piecewise_linear_lr extend_with_piecewise_linear_lr_v2 extend_with_weight_decay
        extend_with_weight_decay_v2 insert_arguments is_one_of is_string is_tf_keras keras np
        piecewise_linear re rms string_matching tf
    """,
    "snippets": """
        AutoRegressiveDecoder DataGenerator Hook K ViterbiDecoder WebServing basestring
        convert_to_str convert_to_unicode defaultdict delete_arguments insert_arguments is_one_of
        is_py2 is_string json keras logging longest_common_subsequence longest_common_substring
        lowercase_and_normalize np open orthogonally_resize os parallel_apply
        parallel_apply_generator re sequence_padding six softmax strQ2B string_matching sys
        text_segmentate tf to_array truncate_sequences unicodedata uniout
    """,
    "tokenizers": """
        SpTokenizer Tokenizer TokenizerBase convert_to_unicode is_py2 is_string load_vocab
        lowercase_and_normalize open re save_vocab truncate_sequences unicodedata
    """,
}
# what scripts import that were written for versions 0.2 to 0.8
OLDER = """
    bert.build_bert_model bert.load_pretrained_model bert.set_gelu bert.get_bert_encoder_from_config
    bert.BertModel layers.EmbeddingDense layers.FactorizedEmbedding layers.OurLayer
    layers.ZeroMasking models.build_bert_model models.GPT_OpenAI snippets.get_all_attributes
    snippets.Progress snippets.groupby snippets.BeamSearch tokenizer.Tokenizer tokenizer.load_vocab
    tokenizer.SpTokenizer tokenizers.BasicTokenizer train.PiecewiseLinearLearningRate
    train.GradientAccumulation train.add_weight_decay_into train.LAMB utils.Tokenizer
    utils.SimpleTokenizer utils.SpTokenizer utils.load_vocab utils.parallel_apply utils.pool_map
    backend.get_all_attributes backend.is_string backend.set_infinity
    optimizers.extend_with_gradient_centralization optimizers.ExponentialMovingAverage
""".split()


@pytest.mark.backend_free
def test_every_public_name_of_bert4keras_is_in_the_table():
    names = [f"{module}.{name}" for module, text in BERT4KERAS.items() for name in text.split()]
    assert [name for name in names + OLDER if f"bert4keras.{name}" not in NAMES] == []


@pytest.mark.backend_free
def test_a_name_has_a_place_or_a_sentence_that_says_what_to_do():
    for place, advice in NAMES.values():
        assert (place is None) == (advice is not None)
        assert advice is None or (advice[0].isupper() and advice.endswith("."))


@pytest.mark.once
def test_every_place_exists():
    places = {place for place, _ in NAMES.values()} - {None, "tensorflow"}
    places |= {*MOVED.values(), *MODULES.values()}
    assert [place for place in places if not exists(place)] == []


def exists(place):
    """Return whether a dotted name can be imported."""
    module, _, name = place.rpartition(".")
    if not module:
        return importlib.util.find_spec(name) is not None
    return hasattr(importlib.import_module(module), name)
