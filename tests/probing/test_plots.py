"""Pictures are written, with Chinese text too, and bad arguments are refused."""

import numpy as np
import pytest

from kerasx.probing import plot_attributions, plot_dependencies, plot_impacts, plot_tree

pytestmark = pytest.mark.once
PNG = b"\x89PNG\r\n\x1a\n"
WORDS = ["房间", "很", "quiet"]
CASES = {  # what fits the words, what does not, and the error
    plot_impacts: (np.arange(9.0).reshape(3, 3), np.ones((2, 2)), "`impacts` must be a number"),
    plot_dependencies: ([1, 2, -1], [1, -1], "`heads`, `tokens` must have the same length"),
    plot_attributions: ([0.5, -0.2, 0], [1.0], "`values` must be a number"),
}


@pytest.mark.filterwarnings("ignore:No installed font")
@pytest.mark.parametrize("plot", [*CASES, plot_tree])
def test_a_picture_is_written_whole(plot, tmp_path):
    what = CASES[plot][0] if plot in CASES else ((0, 1), 2)
    plot(what, WORDS, tmp_path / "picture.png", "标题 title")
    assert (tmp_path / "picture.png").read_bytes().startswith(PNG)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("plot", CASES)
def test_what_does_not_fit_the_tokens_is_refused(plot, tmp_path):
    _, other, match = CASES[plot]
    with pytest.raises(ValueError, match=match):
        plot(other, WORDS, tmp_path / "picture.png")


def test_a_text_of_one_token_has_pictures(tmp_path):
    plot_tree(0, ["a"], tmp_path / "tree.png")
    plot_dependencies([-1], ["a"], tmp_path / "arcs.png")
    plot_impacts([[0.0]], ["a"], tmp_path / "impacts.png")
    for name in ("tree", "arcs", "impacts"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
