"""BERT's options, one property each."""

import keras
import numpy as np
import pytest

from kerasx.models import BERT, build_transformer_model
from tests.models.helpers import CONFIG, SEGMENTS, TOKENS, build, outputs, random_checkpoint

CHECKPOINT = random_checkpoint()
EMBEDDINGS = "bert/embeddings/word_embeddings"


@pytest.mark.parametrize(
    "options, shapes",
    [
        ({}, [(None, None, 8)]),
        ({"with_pool": True}, [(None, 8)]),
        ({"with_nsp": True}, [(None, 2)]),
        ({"with_pool": True, "with_nsp": True}, [(None, 2)]),
        ({"with_mlm": True}, [(None, None, 20)]),
        ({"with_pool": "linear", "with_mlm": True}, [(None, 8), (None, None, 20)]),
        ({"with_nsp": "linear", "with_mlm": "linear"}, [(None, 2), (None, None, 20)]),
    ],
)
def test_the_heads_asked_for_replace_the_encoder_output(options, shapes):
    assert [x.shape for x in build(**options).model.outputs] == shapes


def test_true_means_probabilities_and_linear_logits():
    nsp, mlm = outputs(build(CHECKPOINT, with_nsp=True, with_mlm=True).model, TOKENS, SEGMENTS)
    np.testing.assert_allclose(nsp.sum(-1), 1, atol=1e-5)
    np.testing.assert_allclose(mlm.sum(-1), 1, atol=1e-5)
    builder = build(CHECKPOINT, with_nsp="linear", with_mlm="linear")
    logits = outputs(builder.model, TOKENS, SEGMENTS)
    for p, z in zip((nsp, mlm), logits):
        np.testing.assert_allclose(p[..., 0] / p[..., 1], np.exp(z[..., 0] - z[..., 1]), rtol=1e-3)


def test_kept_tokens_have_the_same_logits_as_before():
    keep = [0, 5, 2, 7, 9, 3, 4, 19]
    full = build(CHECKPOINT, with_mlm="linear").model
    kept = build(CHECKPOINT, with_mlm="linear", keep_tokens=keep).model
    tokens = np.array([[2, 1, 4, 7]])
    before = outputs(full, np.array(keep)[tokens], SEGMENTS[:, :4])
    np.testing.assert_allclose(outputs(kept, tokens, SEGMENTS[:, :4]), before[..., keep], atol=1e-5)


def test_a_compound_token_has_the_weighted_mean_of_its_rows_and_biases():
    keep, compounds = [0, 5, 2, 7], [[1, 2], ([1, 2, 3], [0.2, 0.3, 0.5])]
    builder = build(CHECKPOINT, with_mlm=True, keep_tokens=keep, compound_tokens=compounds)
    for layer, name in (
        ("Embedding-Token", EMBEDDINGS),
        ("MLM-Bias", "cls/predictions/output_bias"),
    ):
        old = CHECKPOINT[name][keep]
        new = keras.ops.convert_to_numpy(builder.layers[layer].weights[0])
        np.testing.assert_allclose(new[:4], old)
        np.testing.assert_allclose(new[4], old[[1, 2]].mean(0), rtol=1e-5)
        mean = (old[[1, 2, 3]].T * [0.2, 0.3, 0.5]).T.sum(0)
        np.testing.assert_allclose(new[5], mean, rtol=1e-5)


@pytest.mark.parametrize("option", [{"keep_tokens": [0, 20]}, {"compound_tokens": [[20]]}])
def test_token_ids_beyond_the_vocabulary_are_refused(option):
    with pytest.raises(ValueError, match=r"must hold token ids in \[0, 20\)"):
        build(**option)


def conditional():
    condition = keras.Input((3,), name="Condition")
    return build(
        CHECKPOINT,
        layer_norm_cond=condition,
        layer_norm_cond_hidden_size=4,
        layer_norm_cond_hidden_act="swish",
        additional_input_layers=condition,
    ).model


def test_conditional_normalization_starts_from_the_unconditional_model():
    model = conditional()
    z = np.random.normal(size=(1, 3)).astype("float32")
    plain = build(CHECKPOINT).model
    np.testing.assert_allclose(
        outputs(model, TOKENS, SEGMENTS, z), outputs(plain, TOKENS, SEGMENTS), atol=1e-6
    )


def test_the_condition_matters_after_a_training_step():
    model = conditional()
    model.compile(keras.optimizers.Adam(0.01), "mse")
    x = [TOKENS.repeat(2, 0), SEGMENTS.repeat(2, 0), np.eye(2, 3, dtype="float32")]
    model.fit(x, np.random.normal(size=(2, 6, 8)), epochs=2, verbose=0)
    first, second = outputs(model, *x)
    assert np.abs(first - second).max() > 1e-4


def test_custom_position_ids_counting_up_change_nothing_and_others_do():
    model, plain = build(CHECKPOINT, custom_position_ids=True).model, build(CHECKPOINT).model
    positions = np.arange(6)[None]
    expected = outputs(plain, TOKENS, SEGMENTS)
    np.testing.assert_allclose(outputs(model, TOKENS, SEGMENTS, positions), expected, atol=1e-5)
    assert np.abs(outputs(model, TOKENS, SEGMENTS, positions + 1) - expected).max() > 1e-3


def test_hierarchical_positions_leave_short_texts_alone_and_reach_long_ones():
    model, plain = build(CHECKPOINT, hierarchical_position=True).model, build(CHECKPOINT).model
    expected = outputs(plain, TOKENS, SEGMENTS)
    np.testing.assert_allclose(outputs(model, TOKENS, SEGMENTS), expected, atol=1e-5)
    assert np.isfinite(outputs(model, np.ones((1, 100), int), np.zeros((1, 100), int))).all()
    with pytest.raises(ValueError, match="at most 100 tokens.*length=101"):
        outputs(model, np.ones((1, 101), int), np.zeros((1, 101), int))


def test_hierarchical_custom_positions_are_the_same_vectors():
    options = {"hierarchical_position": 0.3}
    model = build(CHECKPOINT, custom_position_ids=True, **options).model
    tokens, segments = np.tile(TOKENS, 3), np.tile(SEGMENTS, 3)
    expected = outputs(build(CHECKPOINT, **options).model, tokens, segments)
    got = outputs(model, tokens, segments, np.arange(18)[None])
    np.testing.assert_allclose(got, expected, atol=1e-5)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_residual_attention_scores_are_realformer():
    builder = build(CHECKPOINT, residual_attention_scores=True)
    names = ["Embedding-Norm", "Transformer-0-FeedForward-Norm", "Transformer-1-FeedForward-Norm"]
    layers = [builder.layers[name] for name in names]
    hidden = keras.Model(builder.model.inputs, [layer.output for layer in layers])
    x0, x1, x2 = (x[0] for x in outputs(hidden, TOKENS, SEGMENTS))

    def weights(name):
        return [keras.ops.convert_to_numpy(w) for w in builder.layers[name].weights]

    def norm(x, name):
        beta, gamma = weights(name)
        x = x - x.mean(-1, keepdims=True)
        return gamma * x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-12) + beta

    def block(x, i, scores):
        name = f"Transformer-{i}-MultiHeadSelfAttention"
        wq, bq, wk, bk, wv, bv, wo, bo = weights(name)
        q, k, v = (
            (x @ w + b).reshape(6, 2, 4).swapaxes(0, 1) for w, b in zip((wq, wk, wv), (bq, bk, bv))
        )
        scores = scores + q @ k.swapaxes(1, 2) / 2
        heads = (softmax(scores) @ v).swapaxes(0, 1).reshape(6, 8)
        x = norm(x + heads @ wo + bo, f"{name}-Norm")
        feed_forward = builder.layers[f"Transformer-{i}-FeedForward"]
        y = keras.ops.convert_to_numpy(feed_forward(x[None].astype("float32")))[0]
        return norm(x + y, f"Transformer-{i}-FeedForward-Norm"), scores

    y1, scores = block(x0, 0, 0)
    y2, _ = block(y1, 1, scores)
    np.testing.assert_allclose(x1, y1, atol=1e-4)
    np.testing.assert_allclose(x2, y2, atol=1e-4)


def test_a_key_size_changes_only_the_query_and_key_projections():
    layer = build(attention_key_size=3).layers["Transformer-0-MultiHeadSelfAttention"]
    assert [w.shape[-1] for w in layer.weights] == [6, 6, 6, 6, 8, 8, 8, 8]


def test_a_narrower_embedding_is_mapped_to_the_hidden_size():
    builder = build(embedding_size=4, with_mlm=True)
    assert builder.layers["Embedding-Token"].weights[0].shape == (20, 4)
    assert builder.layers["Embedding-Mapping"].weights[0].shape == (4, 8)
    assert builder.model.output.shape == (None, None, 20)


def test_no_segments_means_one_input():
    assert [x.name for x in build(segment_vocab_size=0).model.inputs] == ["Input-Token"]


def test_shared_segment_embeddings_are_looked_up_in_the_token_table():
    builder = build(shared_segment_embeddings=True)
    assert "Embedding-Segment" not in builder.layers
    rng = np.random.default_rng(0)
    builder.layers["Embedding-Token"].set_weights([rng.normal(size=(20, 8))])
    one, other = (outputs(builder.model, TOKENS, np.full_like(TOKENS, s)) for s in (7, 19))
    assert np.abs(one - other).max() > 1e-3


def test_a_prefix_comes_before_every_layer_name():
    names = [layer.name for layer in build(prefix="Teacher-", dropout_rate=0.1).model.layers]
    assert all(name.startswith("Teacher-") for name in names)


def test_prefixed_models_load_the_same_checkpoint():
    one, two = build(CHECKPOINT).model, build(CHECKPOINT, prefix="Teacher-").model
    np.testing.assert_allclose(
        outputs(one, TOKENS, SEGMENTS), outputs(two, TOKENS, SEGMENTS), atol=1e-6
    )


def test_models_built_with_the_same_layers_share_their_weights():
    first = build(CHECKPOINT)
    second = build(layers=first.layers, application="lm")
    assert second.layers is first.layers
    first.layers["Embedding-Norm"].weights[0].assign(np.full(8, 3.0))
    kept = keras.ops.convert_to_numpy(second.model.get_layer("Embedding-Norm").weights[0])
    assert (kept == 3).all()


def test_additional_inputs_come_last():
    extra = keras.Input((2,), name="Extra")
    model = build(additional_input_layers=[extra]).model
    assert [x.name for x in model.inputs] == ["Input-Token", "Input-Segment", "Extra"]


def test_a_fixed_sequence_length_is_the_inputs_shape():
    assert [x.shape for x in build(sequence_length=6).model.inputs] == [(None, 6)] * 2


@pytest.mark.parametrize("call", ["call", "predict"])
def test_a_text_longer_than_the_position_table_is_refused_with_both_lengths(call):
    model, x = build().model, [np.ones((1, 11), int), np.zeros((1, 11), int)]
    with pytest.raises(ValueError, match="at most 10 tokens.*length=11"):
        model(x) if call == "call" else model.predict(x, verbose=0)


def test_a_model_of_a_fixed_length_beyond_the_table_cannot_be_built():
    with pytest.raises(ValueError, match="at most 10 tokens.*length=11"):
        build(sequence_length=11)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("application", ["encoder", "lm", "unilm"])
def test_a_batch_of_padding_is_finite_in_every_policy(application, policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        builder = build(CHECKPOINT, application=application, with_mlm=True, with_nsp=True)
    finally:
        keras.config.set_dtype_policy(before)
    tokens = np.concatenate([TOKENS, 0 * TOKENS])
    for x in outputs(builder.model, tokens, np.concatenate([SEGMENTS, 0 * SEGMENTS])):
        assert np.isfinite(x.astype("float32")).all()
    assert all(w.dtype == "float32" for w in builder.model.weights)


def test_the_heads_must_divide_the_hidden_size():
    with pytest.raises(ValueError, match="`hidden_size` must be a multiple"):
        BERT(20, 9, 1, 2, 12)


def test_padding_changes_no_output_at_real_tokens():
    model = build(CHECKPOINT, with_mlm="linear").model
    padded = [np.pad(x, ((0, 0), (0, 3))) for x in (TOKENS, SEGMENTS)]
    np.testing.assert_allclose(
        outputs(model, *padded)[:, :6], outputs(model, TOKENS, SEGMENTS), atol=1e-5
    )


def test_dropout_acts_in_training_only():
    model = build_transformer_model(CONFIG, dropout_rate=0.5, attention_dropout_rate=0.5)
    x = [TOKENS, SEGMENTS]
    still = [keras.ops.convert_to_numpy(model(x, training=False)) for _ in range(2)]
    moving = [keras.ops.convert_to_numpy(model(x, training=True)) for _ in range(2)]
    assert (still[0] == still[1]).all() and np.abs(moving[0] - moving[1]).max() > 1e-2
