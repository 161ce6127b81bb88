"""One run by Amos's strategies is, at any step and width, as good as AdamW planned for that step.

Llamas of one block and widths 32, 64 and 128 learn made-up Chinese abstracts, character by
character. The direction is Adam's in both. Amos's step and decay follow from α0 and a half-life,
without the number of updates, so one run is read after 30, 60 and 120 updates. AdamW makes a run
for each of these numbers, with a warm-up and a cosine down to 1 %. α0 with the half-life, and
AdamW's peak, are those with the lowest loss after 120 updates at width 64 on a seed not shown
here; as good is taken to mean a validation loss that is not higher beyond the noise of the seeds.
"""

import keras

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import plot_mean, rows_of_text, small_llama
from kerasx.datasets import generate_papers
from kerasx.optimizers import Adam, extend_with_amos, warmup_cosine

SOURCE = "kexue.fm/archives/9344; arXiv 2210.11693"
SMALL = {"widths": (8,), "budgets": (1, 2)}
WIDTHS, BUDGETS = (32, 64, 128), (30, 60, 120)
LENGTH, BATCH = 48, 16
ALPHA, HALF_LIFE, PEAK = 1e-1, 100, 1e-2


def amos(alpha=ALPHA, half_life=HALF_LIFE):
    return extend_with_amos(Adam)(alpha, half_life=half_life)


def adamw(updates, peak=PEAK):
    return keras.optimizers.AdamW(warmup_cosine(peak, updates), weight_decay=0.01)


def losses(data, width, optimizer, budgets):
    """Return the validation losses of a run after each number of updates."""
    rows, tokenizer = data
    _, model = small_llama(tokenizer.vocab_size, width, layers=1)
    model.compile(optimizer)
    found = []
    for start, stop in zip((0, *budgets), budgets):
        part = rows[64 + start * BATCH : 64 + stop * BATCH]
        model.fit(part, batch_size=BATCH, verbose=0)
        found.append(model.evaluate(rows[:64], batch_size=64, verbose=0))
    return found


def load(seed):
    return rows_of_text([paper.abstract for paper in generate_papers(1800, seed)], LENGTH)


def measure(seed, widths=WIDTHS, budgets=BUDGETS):
    data, figures = load(seed), {"widths": widths, "budgets": budgets}
    for width in widths:
        one_run = losses(data, width, amos(), budgets)
        planned = [losses(data, width, adamw(n), [n])[0] for n in budgets]
        figures |= {
            f"losses, Amos, width {width}": one_run,
            f"losses, AdamW, width {width}": planned,
        }
        for n, a, b in zip(budgets, one_run, planned):
            figures |= {f"loss, Amos, width {width}, {n} updates": a}
            figures |= {f"loss, AdamW, width {width}, {n} updates": b}
    return figures


def judge(figures):
    worse, better = [], []
    for width in figures["widths"][0].astype(int):
        ours, theirs = (figures[f"losses, {name}, width {width}"] for name in ("Amos", "AdamW"))
        for i, n in enumerate(figures["budgets"][0]):
            worse += [f"{n:.0f} at {width}"] if higher(ours[:, i], theirs[:, i]) else []
            better += [f"{n:.0f} at {width}"] if higher(theirs[:, i], ours[:, i]) else []
    total = figures["widths"].shape[1] * figures["budgets"].shape[1]
    verdict = HOLDS if not worse else FAILS if 2 * len(worse) > total else PARTLY
    return verdict, (
        f"Of {total} comparisons Amos is better in {len(better)} and worse in {len(worse)}"
        f"{' (updates at width: ' + ', '.join(worse) + ')' if worse else ''}."
    )


def draw(picture, figures):
    widths, x = figures["widths"][0].astype(int), figures["budgets"][0]
    panels = picture.subplots(1, len(widths), sharey=True, squeeze=False)[0]
    for axes, width in zip(panels, widths):
        for name, style in (("Amos", "o-"), ("AdamW", "s--")):
            label = f"{name}, {'one run' if name == 'Amos' else 'a run for each'}"
            options = {"linestyle": style[1:], "marker": style[0]}
            plot_mean(axes, x, figures[f"losses, {name}, width {width}"], label, **options)
        axes.set(xlabel="updates", title=f"width {width}", xticks=x)
    panels[0].set_ylabel("validation loss")
    picture.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
