"""Examples made up from a seed: choices that are the same everywhere, and none twice."""

import random

__all__ = ["Draw", "draw_distinct"]

_PATIENCE = 1000  # draws in a row without a new item before they count as exhausted


class Draw:
    """Choices made from `random()` alone: the one method Python keeps the same for a seed.

    >>> draw = Draw(0)
    >>> draw.number(10, 30, 5), draw.choice("abc")
    (30, 'c')
    """

    def __init__(self, seed):
        self._random = random.Random(seed).random

    def number(self, low, high, step=1):
        """One of low, low + step, ... up to high, which may be among them."""
        return low + step * int(self._random() * ((high - low) // step + 1))

    def choice(self, items):
        """One of the items."""
        return items[self.number(0, len(items) - 1)]

    def two(self, items):
        """Two that differ."""
        first = self.choice(items)
        return first, self.choice([item for item in items if item != first])

    def shuffled(self, items):
        """All of them in some order."""
        rest = list(items)
        return [rest.pop(self.number(0, len(rest) - 1)) for _ in range(len(rest))]


def draw_distinct(n, seed, draw_one, key, exclude=(), what="texts"):
    """`n` items, no two of one key; a shorter list is the start of a longer one.

    Args:
        n: int, how many.
        seed: int.
        draw_one: function of a `Draw` that makes one item, or None where nothing came of it.
        key: function of an item.
        exclude: keys that must not occur.
        what: what the keys are called in errors.

    Returns:
        List of items.

    Raises:
        ValueError: a bad argument, or `draw_one` has no more new items.

    >>> draw_distinct(3, seed=0, draw_one=lambda draw: draw.number(1, 3), key=str)
    [3, 2, 1]
    """
    if not isinstance(n, int) or n < 0:
        raise ValueError(f"`n` must be an integer of at least 0. Received: n={n!r}")
    if not isinstance(seed, int):
        raise ValueError(f"`seed` must be an integer. Received: seed={seed!r}")
    draw, seen, items, misses = Draw(seed), set(exclude), [], 0
    patience = _PATIENCE + 10 * len(seen)  # the same seed replays what it drew, repeats and all
    while len(items) < n:
        item = draw_one(draw)
        misses = misses + 1 if item is None or key(item) in seen else 0
        if misses > patience:
            raise ValueError(
                f"`n` must be at most about {len(items)}: there are no more new {what}. "
                f"Received: n={n}"
            )
        if not misses:
            seen.add(key(item))
            items.append(item)
    return items
