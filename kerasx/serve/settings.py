"""Read decoding settings from a request, rounded so that few of them are compiled."""

import math
from dataclasses import dataclass

from kerasx.serve.server_limits import Invalid

_OWN = {"greedy": (), "beam": ("width",), "sampling": ("temperature", "top_k", "top_p")}


@dataclass(frozen=True)
class Settings:
    """The settings of a compiled decoder. Requests with equal settings are decoded together.

    Attributes:
        strategy: "greedy", "beam" or "sampling".
        max_new_tokens: number of generated tokens at most.
        n: number of alternatives.
        width: number of beams.
        temperature, top_k, top_p: of sampling; None for all tokens.
    """

    strategy: str
    max_new_tokens: int
    n: int = 1
    width: int = 1
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def public(self, seed):
        """Return the settings that the strategy uses, as a dict; with the seed if it draws."""
        names = ("strategy", "max_new_tokens", "n", *_OWN[self.strategy])
        drawn = {"seed": seed} if self.strategy == "sampling" else {}
        return {name: getattr(self, name) for name in names} | drawn


def settings_of(request, limits):
    """Return the `Settings` of a request.

    A maximum is rounded down to 1, 2, 4, 8, 16, 24, 32, 48, 64, 96, ... tokens, the temperature to
    tenths, `top_k` to 1, 2, 4, 8, ..., `top_p` to twentieths: each combination is compiled once,
    and a client that tries them all must not keep the server compiling.

    Args:
        request: `GenerateRequest`.
        limits: `Limits`.

    Raises:
        Invalid: a setting exceeds the limits, or `n` the alternatives of the strategy.
    """
    new = limits.max_new_tokens if request.max_new_tokens is None else request.max_new_tokens
    _check("max_new_tokens", new, limits.max_new_tokens)
    width = min(max(4, request.n), limits.max_alternatives)
    if request.strategy == "beam" and request.width is not None:
        _check("width", width := request.width, limits.max_alternatives)
    most = {"greedy": 1, "beam": width, "sampling": limits.max_alternatives}
    _check("n", request.n, most[request.strategy], f" with {request.strategy}")
    rounded = {
        "width": width,
        "temperature": max(round(request.temperature, 1), 0.1),
        "top_k": request.top_k and 1 << round(math.log2(request.top_k)),
        "top_p": request.top_p and max(round(round(request.top_p * 20) / 20, 2), 0.05),
    }
    own = {name: rounded[name] for name in _OWN[request.strategy]}
    return Settings(request.strategy, _fewer(new, limits.max_new_tokens), request.n, **own)


def _check(name, value, most, where=""):
    if value > most:
        raise Invalid(name, f"must be at most {most}{where}")


def _fewer(n, most):
    """Return the largest number of the grid, or the server's own maximum, that is at most n.

    >>> [_fewer(n, 100) for n in (1, 3, 8, 30, 50, 64, 100)]
    [1, 2, 8, 24, 48, 64, 100]
    """
    if n == most:
        return n
    power = 1 << (n.bit_length() - 1)
    return power * 3 // 2 if power >= 16 and n >= power * 3 // 2 else power
