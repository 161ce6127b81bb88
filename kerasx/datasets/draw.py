"""Draw random choices from a seed: the same on every platform, and without repeats."""

import random

from kerasx.checks import check_integer, invalid

_PATIENCE = 1000  # repeated draws in a row after which the items count as exhausted


class Draw:
    """Random choices that are the same in every version of Python: all come from `random()`.

    >>> draw = Draw(0)
    >>> draw.number(10, 30, 5), draw.choice("abc")
    (30, 'c')
    """

    def __init__(self, seed):
        self._random = random.Random(seed).random

    def number(self, low, high, step=1):
        """Draw one of the numbers low, low + step, ... up to high, included if it is reached."""
        return low + step * int(self._random() * ((high - low) // step + 1))

    def choice(self, items):
        """Draw one of the items."""
        return items[self.number(0, len(items) - 1)]

    def two(self, items):
        """Draw two different items."""
        first = self.choice(items)
        return first, self.choice([item for item in items if item != first])

    def shuffled(self, items):
        """Return a list of all items in random order."""
        rest = list(items)
        return [rest.pop(self.number(0, len(rest) - 1)) for _ in range(len(rest))]


def draw_distinct(n, seed, draw_one, key, exclude=(), what="texts"):
    """Draw `n` items of different keys; a shorter list is the start of a longer one.

    Args:
        n: int, the number of items.
        seed: int.
        draw_one: function of a `Draw` that returns one item, or None for a failed draw.
        key: function of an item that returns its key.
        exclude: keys that must not occur.
        what: plural noun for the keys in errors.

    Returns:
        List of items.

    Raises:
        ValueError: a bad argument, or `draw_one` has no more new items.

    >>> draw_distinct(3, seed=0, draw_one=lambda draw: draw.number(1, 3), key=str)
    [3, 2, 1]
    """
    check_integer("n", n, least=0)
    check_integer("seed", seed)
    draw, seen, items, misses = Draw(seed), set(exclude), [], 0
    patience = _PATIENCE + 10 * len(seen)  # the same seed first repeats the excluded items
    while len(items) < n:
        item = draw_one(draw)
        misses = misses + 1 if item is None or key(item) in seen else 0
        if misses > patience:
            raise invalid(
                f"`n` must be at most about {len(items)}: there are no more new {what}.", n=n
            )
        if not misses:
            seen.add(key(item))
            items.append(item)
    return items
