"""How many equations have the right value."""

from kerasx.text.arithmetic import equal, normalize_expression

__all__ = ["equation_accuracy", "is_correct"]


def equation_accuracy(predictions, answers):
    """The share of predicted equations that give their answer, by `is_correct`.

    Args:
        predictions, answers: sequences of str, equally long and not empty.

    Returns:
        float in [0, 1].

    Raises:
        ValueError: the lengths differ or are zero.

    Example:
        >>> equation_accuracy(["1+1", "2*", "6/4"], ["2", "4", "1.5"])
        0.6666666666666666
    """
    if not len(predictions) == len(answers) > 0:
        raise ValueError(
            "`predictions` and `answers` must be equally long and not empty. Received: "
            f"len(predictions)={len(predictions)}, len(answers)={len(answers)}"
        )
    return sum(map(is_correct, predictions, answers)) / len(answers)


def is_correct(prediction, answer, digits=6):
    """Whether a predicted equation gives the answer; both may be in textbook notation.

    An invalid prediction, or a prediction for an invalid answer, is wrong, never an exception.

    Example:
        >>> is_correct("x=3/(3+1)", "75%")
        True
    """
    try:
        return equal(normalize_expression(prediction), normalize_expression(answer), digits)
    except ValueError:
        return False
