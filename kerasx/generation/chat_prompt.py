"""Encode the turns of a dialogue as a chat template wants them."""

from bisect import bisect_left

from kerasx.checks import invalid


def encode_turns(tokenizer, turns, maxlen):
    """Encode the last turns of a dialogue that fit, as the prompt for a reply.

    Turns belong to the user and the assistant in turn, the last one to the user.

    Args:
        tokenizer: a tokenizer with a chat template.
        turns: list of one str or more.
        maxlen: largest number of ids.

    Returns:
        List of int.

    Raises:
        ValueError: the last turn alone is too long, or the template refuses the messages.
    """
    if isinstance(turns, str) or not len(turns):
        raise invalid("`turns` must be a list of one str or more.", turns=turns)
    roles = ["assistant", "user"] * len(turns)
    messages = [{"role": role, "content": turn} for role, turn in zip(roles[-len(turns) :], turns)]
    encoded = {}

    def fits(first):
        encoded[first] = tokenizer.encode_chat(messages[first:], add_generation_prompt=True)
        return len(encoded[first]) <= maxlen

    if fits(0):
        return encoded[0]
    firsts = range((len(turns) - 1) % 2, len(turns), 2)  # of the user
    index = bisect_left(firsts, True, key=fits)
    if index == len(firsts):
        raise invalid(
            f"The last turn must fit into {maxlen} tokens with the template around it.",
            tokens=len(encoded[firsts[-1]]),
        )
    return encoded[firsts[index]]
