"""Language model and UniLM: which tokens see which."""

import numpy as np
import pytest

from kerasx.models import (
    BERT,
    build_transformer_model,
    extend_with_language_model,
    extend_with_unified_language_model,
)
from tests.models.helpers import CONFIG, SEGMENTS, TOKENS, build, outputs, random_checkpoint

CHECKPOINT = random_checkpoint()


def seen_by(model, segments=SEGMENTS):
    """Return booleans (n, n): whether the output at i changes when token j does."""
    before = outputs(model, TOKENS, segments)[0]
    n = TOKENS.shape[1]
    seen = np.zeros((n, n), bool)
    for j in range(n):
        tokens = TOKENS.copy()
        tokens[0, j] = 11
        seen[:, j] = np.abs(outputs(model, tokens, segments)[0] - before).max(-1) > 1e-5
    return seen


def test_an_encoder_sees_everything():
    assert seen_by(build(CHECKPOINT).model).all()


def test_later_tokens_do_not_change_a_language_model():
    model = build(CHECKPOINT, application="lm", with_mlm="linear").model
    assert (seen_by(model) == np.tri(6, dtype=bool)).all()


def test_unilm_source_sees_itself_whole_and_the_target_is_causal():
    model = build(CHECKPOINT, application="unilm", with_mlm="linear").model
    expected = np.tri(6, dtype=bool)
    expected[:3, :3] = True
    assert (seen_by(model) == expected).all()


def test_unilm_of_an_empty_source_is_a_language_model():
    target = np.ones_like(SEGMENTS)
    unilm = build(CHECKPOINT, application="unilm").model
    lm = build(CHECKPOINT, application="lm").model
    np.testing.assert_allclose(
        outputs(unilm, TOKENS, target), outputs(lm, TOKENS, target), atol=1e-5
    )


def test_unilm_of_an_empty_target_is_an_encoder():
    unilm = build(CHECKPOINT, application="unilm", with_mlm=True).model
    encoder = build(CHECKPOINT, with_mlm=True).model
    source = np.zeros_like(SEGMENTS)
    np.testing.assert_allclose(
        outputs(unilm, TOKENS, source), outputs(encoder, TOKENS, source), atol=1e-5
    )


def test_unilm_without_segments_says_what_to_do():
    with pytest.raises(ValueError, match="segment_vocab_size=2"):
        build(application="unilm", segment_vocab_size=0)


def test_an_unknown_application_is_refused():
    with pytest.raises(ValueError, match="`application` of a `BERT` must be one of"):
        build_transformer_model(CONFIG, application="ulm")


@pytest.mark.parametrize("extend", [extend_with_language_model, extend_with_unified_language_model])
def test_an_extended_class_has_token_outputs(extend):
    builder = extend(BERT)(20, 8, 1, 2, 12)
    builder.build()
    assert builder.model.output.shape[-1] == 20
