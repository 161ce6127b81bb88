"""An mT5 trimmed to the pieces of one language gives them the logits of the whole model."""

import keras
import numpy as np
import pytest

from kerasx.data import sequence_padding
from kerasx.datasets import generate_papers
from kerasx.models import build_transformer_model, t5_config
from kerasx.tokenizers import SpTokenizer, train_sentencepiece, trim_sentencepiece
from tests.generation.models import randomize

PAPERS = generate_papers(40)
SENTINELS = [f"<extra_id_{i}>" for i in range(9, -1, -1)]
ROWS_BEYOND = 12  # an mT5 has 250,112 rows for 250,100 pieces


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory):
    """Return (whole tokenizer, trimmed tokenizer, kept ids), of a corpus with sentinels."""
    folder = tmp_path_factory.mktemp("sp")
    texts = [text for paper in PAPERS for text in paper]
    train_sentencepiece(texts, folder / "whole.model", 800, symbols=SENTINELS)
    whole = SpTokenizer(folder / "whole.model")
    corpus = [paper.title for paper in PAPERS[:20]] + SENTINELS * 30
    extra = [whole.vocab_size, whole.vocab_size + 1]
    kept = trim_sentencepiece(folder / "whole.model", corpus, folder / "few.model", extra_ids=extra)
    return whole, SpTokenizer(folder / "few.model"), kept


def test_no_piece_is_kept_twice(trimmed):
    whole, few, kept = trimmed
    assert len(set(kept)) == len(kept) == few.vocab_size + 2 < whole.vocab_size
    assert [few.id_to_token(few.token_to_id(x)) for x in SENTINELS] == SENTINELS
    assert [few.id_to_token(i) for i in range(few.vocab_size)] == [
        whole.id_to_token(i) for i in kept[:-2]
    ]


def test_the_trimmed_ids_of_kept_pieces_are_the_whole_ones(trimmed):
    whole, few, kept = trimmed
    for paper in PAPERS[:20]:
        assert [kept[i] for i in few.encode(paper.title)[0]] == whole.encode(paper.title)[0]


def test_scores_of_kept_pieces_are_those_of_the_whole_model(trimmed, tmp_path):
    whole, few, kept = trimmed
    config = t5_config(whole.vocab_size + ROWS_BEYOND, 8)
    large = build_transformer_model(config, with_lm="linear", return_keras_model=False)
    randomize(large.model, seed=1)
    large.save_weights_as_checkpoint(tmp_path / "mt5.ckpt")
    small = build_transformer_model(
        config, tmp_path / "mt5.ckpt", with_lm="linear", keep_tokens=kept
    )
    titles = [few.encode(paper.title)[0] for paper in PAPERS[:4]]
    inputs = [sequence_padding(titles), sequence_padding([[0, *ids] for ids in titles])]
    expected = large.model([np.array(kept)[x] for x in inputs])
    found, expected = map(keras.ops.convert_to_numpy, (small(inputs), expected))
    assert found.shape[-1] == len(kept)
    np.testing.assert_allclose(found, expected[..., kept], rtol=1e-4, atol=1e-5)
