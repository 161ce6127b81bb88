"""Options that change the blocks of BERT and its family: norms, heads, masks, positions."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.models import build_transformer_model, deepen, deepnorm_constants
from kerasx.models.deepnorm import xavier
from kerasx.ops import attention_scores, sinusoidal_embeddings
from tests.generation.models import randomize
from tests.models.helpers import CONFIG, SEGMENTS, TOKENS, build, outputs, random_checkpoint


def test_deepnorm_constants_are_those_of_the_paper():
    for n, alpha, beta in [(12, 2.213, 0.319), (24, 2.632, 0.269), (1000, 6.687, 0.106)]:
        for found in (deepnorm_constants(n)[0], deepnorm_constants(0, n)[1]):
            np.testing.assert_allclose(found, (alpha, beta), atol=5e-4)
        assert deepnorm_constants(n)[1] is None and deepnorm_constants(0, n)[0] is None
    encoder, decoder = deepnorm_constants(6, 12)
    depth = 6**0.25 * 12**0.0625
    np.testing.assert_allclose(encoder, (0.81 * depth, 0.87 / depth))
    np.testing.assert_allclose(decoder, (36**0.25, 144**-0.25))


@pytest.mark.parametrize("layers", [(0, 0), (-1, 2)])
def test_deepnorm_without_layers_is_refused(layers):
    with pytest.raises(ValueError, match="`encoder_layers` and `decoder_layers` must"):
        deepnorm_constants(*layers)


def test_deepnorm_is_post_norm_with_a_scaled_residual():
    checkpoint = random_checkpoint()
    deep = build(checkpoint, norm_position="deepnorm")
    alpha = deepnorm_constants(CONFIG["num_hidden_layers"])[0][0]
    name = "Transformer-1-FeedForward"
    inputs = deep.layers[f"{name}-Add"].input
    probe = keras.Model(deep.model.inputs, [*inputs, deep.layers[f"{name}-Norm"].output])
    x, y, got = outputs(probe, TOKENS, SEGMENTS)
    beta, gamma = deep.layers[f"{name}-Norm"].get_weights()
    total = alpha * x + y
    normal = (total - total.mean(-1, keepdims=True)) / total.std(-1, keepdims=True)
    np.testing.assert_allclose(got, normal * gamma + beta, atol=1e-4)


def test_deepnorm_starts_with_smaller_values_and_outputs():
    keras.utils.set_random_seed(0)
    options = {"hidden_size": 128, "intermediate_size": 256, "norm_position": "deepnorm"}
    builder = build(config={**options, "num_hidden_layers": 12})
    beta = deepnorm_constants(12)[0][1]
    layer = builder.layers["Transformer-0-MultiHeadSelfAttention"]
    network = builder.layers["Transformer-0-FeedForward"]
    gains = {layer.q_dense: 1, layer.k_dense: 1, layer.v_dense: beta, layer.o_dense: beta}
    gains |= {network.i_denses[0]: beta, network.o_dense: beta}
    for dense, gain in gains.items():
        kernel = ops.convert_to_numpy(dense.kernel)
        np.testing.assert_allclose(kernel.std(), gain * (2 / sum(kernel.shape)) ** 0.5, rtol=0.05)


def first_update(layers, norm_position):
    """Return the change of the outputs by a step of SGD on the kernels, at Xavier's size."""
    keras.utils.set_random_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": layers}
    builder = build(config={**sizes, "norm_position": norm_position})
    model = builder.model
    for v in model.trainable_variables:
        v.trainable = len(v.shape) > 1 and "Embedding" not in v.path
    if norm_position == "post":
        for v in model.trainable_variables:
            v.assign(xavier()(v.shape))
    rng = np.random.default_rng(0)
    inputs = [rng.integers(1, 20, (8, 10)), np.zeros((8, 10), "int32")]
    # XLA would take 20 GB to compile 200 layers and their gradient
    model.compile(keras.optimizers.SGD(0.01), "mean_squared_error", run_eagerly=True)
    before = outputs(model, *inputs)
    model.train_on_batch(inputs, rng.normal(size=(8, 10, 16)).astype("float32"))
    return np.abs(outputs(model, *inputs) - before).mean()


@pytest.mark.parametrize("depth", [48, pytest.param(200, marks=pytest.mark.slow("200 layers"))])
def test_the_first_update_of_deepnorm_is_as_small_at_any_depth(depth):
    shallow, deep = (first_update(n, "deepnorm") for n in (12, depth))
    post = [first_update(n, "post") for n in (12, depth)]
    print(f"12 and {depth} layers: {shallow:.2e}, {deep:.2e}; post {post[0]:.2e}, {post[1]:.2e}")
    assert deep < 1.25 * shallow
    assert min(post) > 20 * max(shallow, deep)  # what DeepNorm mends


@pytest.mark.slow("200 layers")
def test_two_hundred_layers_train():
    keras.utils.set_random_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 200}
    model = build(config={**sizes, "norm_position": "deepnorm"}, with_mlm="linear").model
    tokens = np.random.default_rng(0).integers(1, 20, (8, 10))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.05), loss, run_eagerly=True)
    losses = [model.train_on_batch([tokens, np.zeros_like(tokens)], tokens) for _ in range(8)]
    assert losses[-1] < losses[0] and np.isfinite(losses).all()


def test_talking_heads_start_as_plain_attention_and_then_mix():
    plain = build(with_mlm="linear")
    randomize(plain.model, seed=0)
    talking = build(with_mlm="linear", talking_heads=True)
    for name, layer in plain.layers.items():
        weights = layer.get_weights()
        mixing = [np.eye(2)] if name.endswith("SelfAttention") else []
        talking.layers[name].set_weights(mixing + weights)
    expected = outputs(plain.model, TOKENS, SEGMENTS)
    np.testing.assert_allclose(outputs(talking.model, TOKENS, SEGMENTS), expected, atol=1e-5)
    talking.layers["Transformer-0-MultiHeadSelfAttention"].mixing.assign([[0.0, 1.0], [1.0, 0.0]])
    assert np.abs(outputs(talking.model, TOKENS, SEGMENTS) - expected).max() > 1e-2


def test_talking_heads_are_saved_and_loaded(tmp_path):
    talking = build(talking_heads=True)
    randomize(talking.model, seed=0)
    talking.save_weights_as_checkpoint(tmp_path / "model.safetensors")
    again = build(str(tmp_path / "model.safetensors"), talking_heads=True)
    for x, y in zip(again.model.get_weights(), talking.model.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


def test_half_of_the_heads_look_back_and_half_ahead():
    builder = build(half_causal_heads=True, num_hidden_layers=1)
    randomize(builder.model, seed=0)
    layer = builder.layers["Transformer-0-MultiHeadSelfAttention"]
    layer.o_dense.kernel.assign(np.eye(8))  # so that each head has its own half of the outputs
    model = keras.Model(builder.model.inputs, layer.output)
    changed = TOKENS.copy()
    changed[0, 3] = 8
    moved = np.abs(outputs(model, TOKENS, SEGMENTS) - outputs(model, changed, SEGMENTS))[0]
    causal, anticausal = moved[:, :4].max(-1), moved[:, 4:].max(-1)
    assert causal[:3].max() < 1e-7 < 1e-5 < causal[3:].min()
    assert anticausal[4:].max() < 1e-7 < 1e-5 < anticausal[:4].min()


@pytest.mark.parametrize("application", ["lm", "unilm"])
def test_half_causal_heads_are_for_encoders(application):
    with pytest.raises(ValueError, match="`half_causal_heads` is for application='encoder'"):
        build(application=application, half_causal_heads=True)


def roformer(**options):
    return build_transformer_model(
        CONFIG, model="roformer", return_keras_model=False, with_mlm="linear", **options
    )


def test_positions_interpolated_twofold_are_those_of_half_the_distance():
    plain, custom = roformer(), {"custom_position_ids": True}
    randomize(plain.model, seed=0)
    expected = outputs(plain.model, TOKENS, SEGMENTS)
    scaled = roformer(rotary_scaling={"type": "linear", "factor": 2}, **custom)
    scaled.model.set_weights(plain.model.get_weights())
    places = np.arange(TOKENS.shape[1])[None]
    got = outputs(scaled.model, TOKENS, SEGMENTS, 2 * places)
    np.testing.assert_allclose(got, expected, atol=1e-5)
    assert np.abs(outputs(scaled.model, TOKENS, SEGMENTS, places) - expected).max() > 1e-3


def test_the_base_and_the_normalization_of_rotary_models_can_be_chosen():
    builder = roformer(rotary_base=500, attention_normalization="softmax_plus")
    assert builder.layers["Embedding-Rotary-Position"].base == 500
    layer = builder.layers["Transformer-1-MultiHeadSelfAttention"]
    assert layer.normalization == "softmax_plus"
    with pytest.raises(ValueError, match="`scaling` must be None or a dict"):
        roformer(rotary_scaling={"type": "yarn", "factor": 2})


def test_residual_scores_are_added_to_those_of_the_turned_heads():
    builder = roformer(residual_attention_scores=True)
    randomize(builder.model, seed=0)
    first, second = (builder.layers[f"Transformer-{i}-MultiHeadSelfAttention"] for i in (0, 1))
    x = builder.layers["Transformer-0-FeedForward-Norm"].output
    scores = [layer.output[1] for layer in (first, second)]
    x, before, total = outputs(keras.Model(builder.model.inputs, [x, *scores]), TOKENS, SEGMENTS)
    turns = sinusoidal_embeddings(np.arange(6, dtype="float32")[None], 4)
    q, k, _ = second.project(*[ops.convert_to_tensor(x)] * 3, "rotary", turns)
    own = ops.convert_to_numpy(attention_scores(q, k, scale=0.5))
    np.testing.assert_allclose(total, before + own, atol=1e-4)
    assert np.abs(before).max() > 0.1


def test_a_model_with_deepnorm_is_not_deepened():
    with pytest.raises(ValueError, match="must be without DeepNorm"):
        deepen(build(norm_position="deepnorm"), [1])
