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
    rounded = _rounded(request.temperature, request.top_k, request.top_p)
    own = {name: ({"width": width} | rounded)[name] for name in _OWN[request.strategy]}
    steps = max(m for m in _grid(limits.max_new_tokens) if m <= new)
    return Settings(request.strategy, steps, request.n, **own)


def sampled(new, n, limits, temperature, top_p, top_k):
    """Return the `Settings` of a request of OpenAI's protocol: sampling, greedy without heat.

    They are rounded as in `settings_of`, but the maximum up: the answer is cut to it afterwards.

    Args:
        new: number of tokens at most.
        n: number of alternatives.
        limits: `Limits`.
        temperature, top_p, top_k: of sampling; a temperature that rounds to 0 is greedy.

    Raises:
        Invalid: a setting exceeds the limits.
    """
    _check("max_tokens", new, limits.max_new_tokens)
    _check("n", n, limits.max_alternatives)
    steps = next(m for m in _grid(limits.max_new_tokens) if m >= new)
    if round(temperature, 1) == 0:
        return Settings("greedy", steps)
    top_p = None if top_p == 1 else top_p
    return Settings("sampling", steps, n, **_rounded(temperature, top_k, top_p))


def _rounded(temperature, top_k, top_p):
    """Return settings of sampling, rounded to few."""
    return {
        "temperature": max(round(temperature, 1), 0.1),
        "top_k": 1 << round(math.log2(top_k)) if top_k else None,
        "top_p": max(round(round(top_p * 20) / 20, 2), 0.05) if top_p else None,
    }


def _check(name, value, most, where=""):
    if value > most:
        raise Invalid(name, f"must be at most {most}{where}")


def _grid(most):
    """Return the numbers of tokens that decoders are compiled for.

    >>> _grid(50)
    [1, 2, 4, 8, 16, 24, 32, 48, 50]
    """
    powers = [1 << i for i in range(most.bit_length())]
    halves = [power * 3 // 2 for power in powers if power >= 16]
    return sorted({*(m for m in (*powers, *halves) if m < most), most})
