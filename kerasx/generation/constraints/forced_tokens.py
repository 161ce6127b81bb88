"""Force the first token, or the last one."""

import numpy as np
from keras import ops

from kerasx.checks import check_integer
from kerasx.generation.constraints.constraint import Constraint
from kerasx.generation.constraints.token_tables import check_vocabulary
from kerasx.generation.strategies.strategy import NEVER

_NOWHERE = -1


class ForcedTokens(Constraint):
    """Force the first token, and the last token where a sequence has not ended before.

    The score of a forced token is 0, that of all others impossible, as with transformers'
    `forced_bos_token_id` and `forced_eos_token_id`.

    Args:
        first: the id that comes first after a prompt of one token (with an encoder, the decoder's
            start), such as the token of a language; or None.
        last: the id, or a list of ids, of which one comes last of the tokens that there is room
            for; or None.

    Raises:
        ValueError: an id is not in the model's vocabulary.

    >>> ForcedTokens(last=[2, 3]).last
    (2, 3)
    """

    of_continued = True

    def __init__(self, first=None, last=None):
        self.first, self.last = _checked("first", first), _checked("last", last)

    def start(self, prompts, vocab_size, steps):
        for name in ("first", "last"):
            check_vocabulary(name, getattr(self, name), vocab_size)
        first = [0 if len(ids) == 1 and self.first else _NOWHERE for ids in prompts]
        last = [steps - 1 if self.last else _NOWHERE for _ in prompts]
        return np.array([first, last], "int32").T, ()

    def apply(self, tables, state, logits, step):
        for i, ids in enumerate((self.first, self.last)):
            now = (tables[:, i] == step)[:, None, None]
            forced = np.where(np.isin(np.arange(logits.shape[-1]), ids), 0.0, NEVER)
            logits = ops.where(now, ops.convert_to_tensor(forced, "float32"), logits)
        return logits


def _checked(name, ids):
    """Return ids as a tuple."""
    ids = () if ids is None else np.ravel(ids).tolist()
    return tuple(check_integer(name, i, least=0) for i in ids)
