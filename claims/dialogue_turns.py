"""Training all turns of a dialogue at once is one example a turn, at far fewer tokens.

A causal NEZHA (2 layers, 32 wide, random weights) scores 100 made-up dialogues of 2 to 16 turns: as
a whole, and one example for each turn, which ends with that turn and has its loss there only. The
loss of the whole is compared with the mean of the turns' losses, weighted by their tokens, and so
are the tokens that the model reads.
"""

import keras
import numpy as np

from claims.running import FAILS, HOLDS
from kerasx.data import sequence_padding
from kerasx.datasets import generate_dialogues
from kerasx.models import build_transformer_model, starting_point
from kerasx.tokenizers import encode_dialogue

SOURCE = "kexue.fm/archives/7718; CDial-GPT, arXiv 2008.03946"
SMALL = {"dialogues": 2}


def token_losses(model, rows):
    """Return the cross-entropy of each token after the first of rows (ids, segments)."""
    ids, segments = (sequence_padding(part).astype("int32") for part in zip(*rows))
    scores = model.predict([ids, segments], batch_size=64, verbose=0)[:, :-1].astype("float64")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
    return keras.ops.convert_to_numpy(loss(ids[:, 1:], scores))


def measure(seed, dialogues=100):
    drawn = generate_dialogues(dialogues, seed)
    start = starting_point(None, ("".join(turns) for turns in drawn), 32, 2, 512)
    model = build_transformer_model(
        start.config, model="nezha", application="lm", with_mlm="linear", dropout_rate=0.0
    )
    wholes = [encode_dialogue(start.tokenizer, turns) for turns in drawn]
    losses = token_losses(model, wholes)
    figures = {"differences": [], "turns": [], "all at once": [], "one by one": []}
    for (ids, segments), row in zip(wholes, losses):
        ends = 1 + np.flatnonzero(np.array(ids) == start.tokenizer.end_id)
        parts = token_losses(model, [(ids[:end], segments[:end]) for end in ends])
        begins = [1, *ends[:-1]]
        turns = [part[a - 1 : b - 1] for part, a, b in zip(parts, begins, ends)]
        weighted = np.average([x.mean() for x in turns], weights=[len(x) for x in turns])
        figures["differences"].append(abs(weighted - row[: len(ids) - 1].mean()))
        figures["turns"].append(len(ends))
        figures["all at once"].append(len(ids))
        figures["one by one"].append(ends.sum())
    return {
        "largest difference of losses": max(figures.pop("differences")),
        "tokens of a dialogue, all turns at once": np.mean(figures["all at once"]),
        "tokens of a dialogue, one example a turn": np.mean(figures["one by one"]),
        **figures,
    }


def judge(figures):
    difference = figures["largest difference of losses"].max()
    once, single = figures["all at once"].sum(), figures["one by one"].sum()
    verdict = HOLDS if difference < 1e-4 and single > 2 * once else FAILS
    return verdict, (
        f"The losses differ by {difference:.1g} at most; one example a turn takes "
        f"{single / once:.1f} times as many tokens."
    )


def draw(picture, figures):
    axes = picture.subplots()
    turns = figures["turns"].ravel()
    for name, marker in (("one by one", "x"), ("all at once", "o")):
        axes.plot(turns, figures[name].ravel(), marker, label=f"turns {name}", alpha=0.5)
    axes.set(xlabel="turns of the dialogue", ylabel="tokens that the model reads", ylim=(0, None))
    axes.legend()
