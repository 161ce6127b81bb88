"""The limits of a server, and the error of a request that breaks them."""

from dataclasses import dataclass, fields

from kerasx.checks import invalid

LOOPBACK = ("localhost", "127.0.0.1", "::1")  # this machine's own names


class Invalid(ValueError):
    """The error of a request that cannot be answered: a field and how it must be."""

    def __init__(self, field, message):
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Limits:
    """Bounds of a server; each is an argument of `create_app` and an option of the command line.

    Attributes:
        max_batch: rows computed at once, texts in a request, streams under way at once.
        max_wait_ms: milliseconds that an incomplete batch waits for more requests.
        queue: requests that may wait; further ones are answered 429.
        max_new_tokens: tokens generated at most.
        max_prompt: tokens of a prompt or text at most.
        timeout: seconds until a request is given up.
        max_body: bytes of a request's body at most.
        max_alternatives: beams or samples of a request at most.
        generators: settings that stay compiled; the least recently used one makes room.

    Raises:
        ValueError: a bound is not positive.

    >>> Limits(queue=8).max_batch
    16
    """

    max_batch: int = 16
    max_wait_ms: float = 5.0
    queue: int = 64
    max_new_tokens: int = 64
    max_prompt: int = 512
    timeout: float = 60.0
    max_body: int = 65536
    max_alternatives: int = 8
    generators: int = 8

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0 or (field.type is int and not isinstance(value, int)):
                expected = f"`{field.name}` must be positive, of type {field.type.__name__}."
                raise invalid(expected, **{field.name: value})
