"""One claim of the posts a file: `python -m claims NAME` measures it, judges it and draws it."""
