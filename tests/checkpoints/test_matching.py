import numpy as np
import pytest

from kerasx.checkpoints import DEFAULT_IGNORE, match, open_checkpoint
from kerasx.checkpoints.checkpoint import Checkpoint, Spec

pytestmark = pytest.mark.backend_free


class Unreadable(Checkpoint):
    """Shapes without data: reading raises."""

    def __init__(self, shapes, skipped=None):
        specs = {name: Spec(shape, np.dtype("float32")) for name, shape in shapes.items()}
        super().__init__("unreadable.ckpt", specs, skipped)

    def _read(self, name, spec):
        raise AssertionError("data was read")


def test_nothing_matches_nothing():
    assert match({}, {}) == []


def test_equal_names_and_shapes_match_without_reading_data():
    shapes = {"b": (2, 3), "a": (), "c": (0,)}
    assert match(shapes, Unreadable(shapes)) == ["b", "a", "c"]


def test_one_error_lists_all_that_is_missing_unused_or_of_another_shape():
    expected = {"kept": (1,), "gone": (2,), "table": (21128, 768), "rank": (3,)}
    held = {"kept": (1,), "table": (100, 768), "rank": (3, 1), "extra": (4,)}
    with pytest.raises(ValueError) as error:
        match(expected, Unreadable(held))
    message = str(error.value)
    for line in (
        "1 missing:\n    gone",
        "1 unused:\n    extra (4,)",
        "2 of another shape:\n    table: model (21128, 768), checkpoint (100, 768)",
        "rank: model (3,), checkpoint (3, 1)",
        "unreadable.ckpt",
    ):
        assert line in message
    assert "kept" not in message


def test_long_lists_are_cut_with_their_count():
    with pytest.raises(ValueError) as error:
        match({f"v{i:03d}": (1,) for i in range(500)}, {})
    message = str(error.value)
    assert "500 missing" in message and "and 480 more" in message and len(message) < 2000


@pytest.mark.parametrize(
    "name",
    [
        "bert/pooler/dense/kernel/adam_m",
        "bert/pooler/dense/kernel/Adam_1",
        "global_step",
        "bad_steps",
        "good_steps",
        "loss_scale",
        "beta1_power",
        "save_counter/.ATTRIBUTES/VARIABLE_VALUE",
        "optimizer/learning_rate/.ATTRIBUTES/VARIABLE_VALUE",
        "model/kernel/.OPTIMIZER_SLOT/optimizer/m/.ATTRIBUTES/VARIABLE_VALUE",
        "encoder/block_000/layer_000/k_slot_vc",
        "bert.embeddings.position_ids",
    ],
)
def test_optimizer_state_may_be_left_unused(name):
    held = {"w": np.zeros(1), name: np.zeros(1)}
    assert match({"w": (1,)}, held) == ["w"]
    with pytest.raises(ValueError, match="1 unused"):
        match({"w": (1,)}, held, ignore=())


def test_ignore_takes_patterns_and_spares_expected_names():
    held = {"cls/a": np.zeros(1), "cls/b": np.zeros(1), "CLS/c": np.zeros(1)}
    assert match({"cls/a": (1,), "CLS/c": (1,)}, held, ignore=["cls/*"]) == ["cls/a", "CLS/c"]
    with pytest.raises(ValueError, match="CLS/c"):
        match({"cls/a": (1,)}, held, ignore=[*DEFAULT_IGNORE, "cls/*"])


def test_names_may_be_allowed_to_miss_but_not_to_differ():
    assert match({"a": (1,), "crf/w": (2,)}, {"a": np.zeros(1)}, allow_missing=["crf/*"]) == ["a"]
    with pytest.raises(ValueError, match="another shape"):
        match({"crf/w": (2,)}, {"crf/w": np.zeros(3)}, allow_missing=["crf/*"])


def test_none_matches_any_size_but_not_any_rank():
    assert match({"a": (None, 3)}, {"a": np.zeros((7, 3))}) == ["a"]
    with pytest.raises(ValueError, match="another shape"):
        match({"a": (None, 3)}, {"a": np.zeros(3)})


def test_a_tensor_of_an_unread_dtype_is_missing_with_its_reason():
    with pytest.raises(ValueError, match="a .not readable: dtype F8"):
        match({"a": (1,)}, Unreadable({}, {"a": "dtype F8"}))


def test_a_pattern_in_place_of_a_list_is_refused():
    with pytest.raises(ValueError, match="list of str"):
        match({}, {}, ignore="cls/*")


def test_a_dict_of_arrays_is_handed_out_as_it_is():
    array = np.zeros((2, 3))
    checkpoint = open_checkpoint({"a": array})
    assert checkpoint["a"] is array and open_checkpoint(checkpoint) is checkpoint
    assert checkpoint.format == "arrays" and checkpoint.shape("a") == (2, 3)
    assert "b" not in checkpoint and checkpoint.get("b") is None


@pytest.mark.parametrize("arrays", [{1: np.zeros(1)}, {"a": [1]}, {"a": np.array(["x"])}, {"a": 1}])
def test_a_dict_of_anything_else_is_refused(arrays):
    with pytest.raises(ValueError, match="arrays"):
        open_checkpoint(arrays)


def test_an_unknown_name_is_a_key_error():
    with pytest.raises(KeyError, match="nope"):
        open_checkpoint({"a": np.zeros(1)})["nope"]
