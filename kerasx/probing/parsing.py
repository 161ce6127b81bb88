"""Read words and trees off an impact matrix; NumPy only."""

import numpy as np

from kerasx.checks import check_choice, check_integer, invalid


def segment(impacts, threshold):
    """Join neighbouring units into words where (F[i, i+1] + F[i+1, i]) / 2 ≥ threshold.

    Args:
        impacts: F (T, T), a result of `impact_matrix`; `reach=1` is enough.
        threshold: in the unit of the impacts; 8 suits Google's Chinese BERT, another model needs
            another (kexue.fm/archives/7476).

    Returns:
        [(start, end)], end exclusive, which cover all T units.

    >>> segment([[0, 9, 0], [9, 0, 1], [0, 1, 0]], threshold=5)
    [(0, 2), (2, 3)]
    """
    impacts = _matrix(impacts)
    strength = (np.diagonal(impacts, 1) + np.diagonal(impacts, -1)) / 2
    cuts = [0, *(np.flatnonzero(strength < threshold) + 1).tolist(), len(impacts)]
    return [(a, b) for a, b in zip(cuts, cuts[1:]) if a < b]


def split_score(impacts, k, objective="post"):
    """Score the split of a text before unit k: impacts within the two parts minus those between.

    With L = Σ F[:k, :k], R = Σ F[k:, k:], B = Σ F[:k, k:] + Σ F[k:, :k] and m = T - k, the score is

    - "post" (kexue.fm/archives/7476), the difference of means: L / k² + R / m² - B / (k m);
    - "mart", with the denominators of the top-down parser of arXiv 2004.14786, which do not punish
      large parts: L / (2 k) + R / (2 m) - B / (k m). (The authors' code leaves unit k out of R and
      B, and takes the smallest score.)

    Args:
        impacts: F (T, T).
        k: from 1 to T - 1.
        objective: "post" or "mart".

    >>> split_score([[0, 8, 0], [8, 0, 2], [0, 2, 0]], 2)
    2.0
    """
    impacts = np.asarray(impacts, "float64")
    m = len(impacts) - k
    scales = {"post": (k * k, m * m), "mart": (2 * k, 2 * m)}
    check_choice("objective", objective, scales)
    within = [impacts[:k, :k].sum(), impacts[k:, k:].sum()]
    between = impacts[:k, k:].sum() + impacts[k:, :k].sum()
    parts = sum(total / scale for total, scale in zip(within, scales[objective]))
    return float(parts - between / (k * m))


def parse_constituency(impacts, objective="post"):
    """Build a binary tree of the units, splitting each part where `split_score` is highest.

    Args:
        impacts: F (T, T), T of at least 1.
        objective: "post" or "mart".

    Returns:
        Nested pairs of unit numbers, ((0, 1), 2); a number for one unit. Of equal scores the first
        split is taken.

    >>> parse_constituency([[0, 8, 0], [8, 0, 2], [0, 2, 0]])
    ((0, 1), 2)
    """
    impacts = _matrix(impacts, least=1)

    def parse(start, end):
        if end - start == 1:
            return start
        part = impacts[start:end, start:end]
        scores = [split_score(part, k, objective) for k in range(1, end - start)]
        middle = start + 1 + int(np.argmax(scores))
        return parse(start, middle), parse(middle, end)

    return parse(0, len(impacts))


def parse_dependencies(impacts, root=None):
    """Find the projective tree with the largest sum of F[dependent, head], by Eisner's algorithm.

    The head of a word is the word with the largest impact on it, except where arcs would cross.
    Takes O(T³) time.

    Args:
        impacts: F (T, T), T of at least 1.
        root: the unit without a head, if it is known; by default the one with the largest sum.

    Returns:
        heads (T,), integers, -1 at the root.

    Source: Eisner, COLING 1996; arXiv 2004.14786.

    >>> parse_dependencies([[0, 5, 0], [1, 0, 1], [0, 7, 0]])
    array([ 1, -1,  1])
    """
    scores = _matrix(impacts, least=1).T  # (head, dependent)
    n = len(scores)
    if root is not None:
        check_integer("root", root, least=0, below=n)
    # best sums over a span [s, t] with its head at s (direction 1) or t (direction 0): complete if
    # the end away from the head takes no more dependents, incomplete if the two ends are an arc
    complete, incomplete = np.zeros((2, n, n)), np.zeros((2, n, n))
    best = {}
    for width in range(1, n):
        for s in range(n - width):
            t = s + width
            halves = complete[1, s, s:t] + complete[0, s + 1 : t + 1, t]
            best["arc", s, t] = s + int(halves.argmax())
            incomplete[0, s, t] = halves.max() + scores[t, s]
            incomplete[1, s, t] = halves.max() + scores[s, t]
            left = complete[0, s, s:t] + incomplete[0, s:t, t]
            right = incomplete[1, s, s + 1 : t + 1] + complete[1, s + 1 : t + 1, t]
            best[0, s, t], best[1, s, t] = s + int(left.argmax()), s + 1 + int(right.argmax())
            complete[0, s, t], complete[1, s, t] = left.max(), right.max()
    root = int((complete[0, 0] + complete[1, :, n - 1]).argmax()) if root is None else root
    return _heads(best, n, root)


def _heads(best, n, root):
    """Return the heads of the arcs that led to the best sums."""
    heads = np.full(n, -1)
    stack = [(0, 0, root), (1, root, n - 1)]  # complete spans (direction, start, end)
    while stack:
        direction, s, t = stack.pop()
        if s == t:
            continue
        middle = best[direction, s, t]
        if direction:
            stack.append((1, middle, t))
            s, t, head, dependent = s, middle, s, middle
        else:
            stack.append((0, s, middle))
            s, t, head, dependent = middle, t, t, middle
        heads[dependent] = head
        middle = best["arc", s, t]
        stack += [(1, s, middle), (0, middle + 1, t)]
    return heads


def _matrix(impacts, least=0):
    impacts = np.asarray(impacts, "float64")
    square = impacts.ndim == 2 and impacts.shape[0] == impacts.shape[1]
    if not square or not np.isfinite(impacts).all() or len(impacts) < least:
        raise invalid(
            f"`impacts` must be finite numbers (T, T) of T >= {least} units.",
            **{"impacts.shape": impacts.shape},
        )
    return impacts
