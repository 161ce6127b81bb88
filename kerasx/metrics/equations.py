"""Judge predicted equations by their values."""

from kerasx.checks import check_same_length, invalid
from kerasx.text.arithmetic import equal, normalize_expression


def equation_accuracy(predictions, answers):
    """Compute the share of predicted equations whose value is the answer (see `is_correct`).

    Args:
        predictions: sequence of n > 0 str, the predicted equations.
        answers: sequence of n str.

    Returns:
        float in [0, 1].

    Raises:
        ValueError: the sequences differ in length or are empty.

    >>> equation_accuracy(["1+1", "2*", "6/4"], ["2", "4", "1.5"])
    0.6666666666666666
    """
    check_same_length(predictions=predictions, answers=answers)
    if not len(answers):
        raise invalid("`answers` must not be empty.", answers=answers)
    return sum(map(is_correct, predictions, answers)) / len(answers)


def is_correct(prediction, answer, digits=6):
    """Tell whether the value of a predicted equation is the answer.

    Both may be in textbook notation (see `kerasx.text.normalize_expression`). If either is not
    valid arithmetic, the prediction is wrong.

    Args:
        prediction, answer: str.
        digits: int, decimals to which the values are compared.

    Returns:
        bool.

    >>> is_correct("x=3/(3+1)", "75%")
    True
    """
    try:
        return equal(normalize_expression(prediction), normalize_expression(answer), digits)
    except ValueError:
        return False
