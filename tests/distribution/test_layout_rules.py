"""The layout rules of each family match its weights, and leave no large matrix whole."""

import re

import pytest

from kerasx.models import build_transformer_model
from kerasx.models.families import MODELS
from tests.models.families import ENCODER_DECODERS, FAMILIES, SIZES

pytestmark = pytest.mark.once
# weights of these layers are whole: there are few of them, or they are small
WHOLE = (
    "Embedding-(Segment|Position|Mapping|Convolution)|Output-Mapping|MLM-Dense|"
    "(Encoder-|Decoder-)?Embedding-(Position|Relative-Position)"
)


def builder(name, **options):
    """Return the tiny builder of a family, with scores of tokens."""
    if name in ENCODER_DECODERS:
        sizes = {k: v for k, v in {**SIZES, **ENCODER_DECODERS[name]}.items() if v is not None}
        return build_transformer_model(sizes, model=name, return_keras_model=False, **options)
    row = FAMILIES[name]
    options = {**row.head, **options}
    return build_transformer_model(row.options(), model=name, return_keras_model=False, **options)


@pytest.mark.parametrize("prefix", ["", "A+b-"])
@pytest.mark.parametrize("name", [*FAMILIES, *ENCODER_DECODERS])
def test_each_rule_matches_and_no_large_matrix_is_left(name, prefix, monkeypatch):
    declared = {}
    monkeypatch.setattr("kerasx.backend.declare_layouts", declared.update)
    model = builder(name, prefix=prefix).model
    assert name in MODELS and declared
    for pattern, (axis, _, count) in declared.items():
        found = [w for w in model.weights if re.fullmatch(pattern, w.path)]
        assert found, pattern
        assert all(-len(w.shape) <= axis < len(w.shape) for w in found)
        assert count is None or all(w.shape[axis] % count == 0 for w in found)
    left = [
        w.path
        for w in model.weights
        if len(w.shape) > 1 and not any(re.fullmatch(pattern, w.path) for pattern in declared)
    ]
    assert [path for path in left if not re.match(f"{re.escape(prefix)}({WHOLE})/", path)] == []
    others = ["Other-Embedding-Token/embeddings", "x/Embedding-Token/embeddings/y"]
    assert not prefix or not any(re.fullmatch(p, path) for p in declared for path in others)
