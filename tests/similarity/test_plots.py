"""Pictures of transport plans, with Chinese words."""

import warnings

import numpy as np
import pytest

from kerasx.figures import font_families
from kerasx.similarity import plot_transport, transport_plan

pytestmark = pytest.mark.backend_free
PLAN = transport_plan(np.random.default_rng(0).random((3, 2)))
PNG = b"\x89PNG\r\n\x1a\n"


def test_a_plan_is_a_picture(tmp_path):
    plot_transport(PLAN, ["a", "b", "c"], ["d", "e"], tmp_path / "plan.png", "WRD 0.2")
    assert (tmp_path / "plan.png").read_bytes().startswith(PNG)


def test_chinese_words_have_their_glyphs_or_a_warning(tmp_path):
    _, missing = font_families("房间很吵")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plot_transport(PLAN, ["房间", "很", "吵"], ["吵", "房"], tmp_path / "plan.png")
    said = [str(w.message) for w in caught]
    assert bool(missing) == any("No installed font has" in text for text in said)
    assert not any("Glyph" in text for text in said)


def test_what_no_font_has_is_said(tmp_path):
    with pytest.warns(UserWarning, match="No installed font has"):
        plot_transport(PLAN, ["a", "b", "\U000f0000"], ["d", "e"], tmp_path / "plan.png")


def test_words_that_do_not_fit_the_plan_are_refused(tmp_path):
    with pytest.raises(ValueError, match="n words and m words"):
        plot_transport(PLAN, ["a"], ["d", "e"], tmp_path / "plan.png")
