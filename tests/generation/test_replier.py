"""Dialogues in a causal model: later turns change nothing, and each turn counts."""

import numpy as np
import pytest
from keras import ops

from kerasx.callbacks import SamplePreview
from kerasx.data import sequence_padding
from kerasx.generation import Generator, Greedy, Replier, chat
from kerasx.losses import MaskedCrossEntropy
from kerasx.tokenizers import Tokenizer, encode_dialogue, encode_prompt
from tests.generation.models import tiny_model

TOKENIZER = Tokenizer(
    {t: i for i, t in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"甲乙丙丁戊己庚"])}
)
TURNS = ["甲乙", "丙", "丁戊己", "庚甲"]
LENGTH = 16


@pytest.fixture(scope="module")
def model():
    return tiny_model(model="nezha", seed=11)


@pytest.fixture(scope="module")
def reply(model):
    """Return a Replier whose shapes are compiled once for all tests."""
    return Replier(model, TOKENIZER, Greedy(), maxlen=LENGTH, max_new_tokens=4)


def logits(model, dialogues):
    """Return (ids, segments, logits) of dialogues, padded to one shape."""
    rows = zip(*(encode_dialogue(TOKENIZER, turns) for turns in dialogues))
    ids, segments = (sequence_padding(x, length=LENGTH) for x in rows)
    return ids, segments, ops.convert_to_numpy(model([ids, segments], training=False))


def losses(ids, scores):
    """Return -log p of each next token (b, n - 1), and whether it counts."""
    scores = scores - np.log(np.sum(np.exp(scores), -1, keepdims=True))
    found = -np.take_along_axis(scores[:, :-1], ids[:, 1:, None], -1)[..., 0]
    return found, ids[:, 1:] != 0


def test_the_loss_is_the_mean_of_the_losses_of_the_turns_weighted_by_their_tokens(model):
    """Each turn is scored in a dialogue that ends with it, the loss in that of all turns."""
    ids, _, scores = logits(model, [TURNS[: i + 1] for i in range(len(TURNS))])
    found, counted = losses(ids, scores)
    sizes = np.array([len(turn) + 1 for turn in TURNS])
    ends = np.cumsum(sizes)
    turns = [found[i, end - n : end].mean() for i, (n, end) in enumerate(zip(sizes, ends))]
    whole = MaskedCrossEntropy(ignore_class=0)(np.append(ids[-1:, 1:], [[0]], 1), scores[-1:])
    assert counted[-1].sum() == sizes.sum()
    np.testing.assert_allclose(whole, np.average(turns, weights=sizes), rtol=1e-5)


def test_a_later_turn_does_not_change_earlier_logits(model):
    *_, scores = logits(model, [TURNS, [*TURNS[:3], "乙乙乙"], [*TURNS[:2], "庚"]])
    seen = [1 + sum(len(turn) + 1 for turn in TURNS[:k]) for k in (3, 2)]
    for i, n in zip((1, 2), seen):
        np.testing.assert_allclose(scores[i, :n], scores[0, :n], atol=1e-5)
        assert np.abs(scores[i, n] - scores[0, n]).max() > 1e-2


def test_the_segments_say_who_speaks(model):
    """The model tells turns apart: with one segment throughout, its logits are others."""
    ids, segments, scores = logits(model, [TURNS])
    others = ops.convert_to_numpy(model([ids, 0 * segments], training=False))
    second = len(TURNS[0]) + 2
    np.testing.assert_allclose(others[0, :second], scores[0, :second], atol=1e-5)
    assert np.abs(others[0, second] - scores[0, second]).max() > 1e-2


def test_a_reply_is_what_the_model_finds_likeliest_in_the_other_segment(model, reply):
    for turns, expected in ((TURNS[:1], 1), (TURNS[:2], 0)):
        ids, segments = encode_prompt(TOKENIZER, turns)
        assert segments[-1] == 1 - expected
        for _ in range(4):
            row = np.pad([ids, segments], [(0, 0), (0, LENGTH - len(ids))])[:, None]
            best = int(np.argmax(ops.convert_to_numpy(model(list(row)))[0, len(ids) - 1]))
            if best == TOKENIZER.end_id:
                break
            ids, segments = ids + [best], segments + [expected]
        new = ids[len(encode_prompt(TOKENIZER, turns)[0]) :]
        assert reply([turns]) == [TOKENIZER.decode(new)]


def test_replies_in_a_batch_are_those_to_each_alone(reply):
    dialogues = [TURNS[:2], TURNS[:1], ["庚庚庚庚", "丙", "乙"], TURNS[:3]]
    together = reply(dialogues)
    assert together == [reply([turns])[0] for turns in dialogues]
    assert len(set(together)) > 1


def test_ids_beyond_the_vocabulary_are_no_text():
    """A model may have more embeddings than its tokenizer has tokens."""
    larger = tiny_model(model="nezha", seed=11, vocab_size=14)
    (bias,) = larger.get_layer("MLM-Bias").weights
    bias.assign(np.eye(14)[12] * 99)
    reply = Replier(larger, TOKENIZER, Greedy(), maxlen=LENGTH, max_new_tokens=4)
    assert reply([TURNS[:1]]) == [""]
    preview = SamplePreview(reply, [TURNS[:1]])
    preview.on_epoch_end(0)
    assert preview.history == [(0, [""])]


def test_there_must_be_a_tokenizer(model):
    for made, tokenizer in ((model, None), (Generator(model, max_new_tokens=4), TOKENIZER)):
        with pytest.raises(ValueError, match="`tokenizer` must be given"):
            Replier(made, tokenizer)


def test_no_dialogues_have_no_replies(model):
    assert Replier(model, TOKENIZER)([]) == []


def test_there_must_be_room_for_a_prompt(model):
    with pytest.raises(ValueError, match="`maxlen` must be an integer of at least 34"):
        Replier(model, TOKENIZER, maxlen=33)


def test_a_chat_remembers_until_it_is_reset():
    heard, shown = [], []
    typed = iter(["一", "  ", "二 ", "/reset", "三"])

    def reply(dialogues):
        heard.extend(dialogues)
        return [""] if dialogues[0][-1] == "一" else ["答"]

    def read(prompt):
        line = next(typed, None)
        if line is None:
            raise EOFError
        return line

    chat(reply, read, shown.append)
    assert heard == [["一"], ["一", "", "二"], ["三"]]
    assert shown[1:] == ["……", "答", "答"]
