"""What the parity tests measure, one line each, for `python -m tests.parity.table`."""

import keras

__all__ = ["MARK", "record"]

MARK = "PARITY"


def record(family, case, reference, error):
    """Print the largest error of a case; `pytest -s` shows it."""
    fields = (MARK, keras.backend.backend(), family, case, reference, f"{error:.1e}")
    print("\n" + " | ".join(fields))
