"""Serve over HTTP: `python -m kerasx.serve FOLDER`, or `create_app` for your own server."""

import os

from kerasx.serve.server_limits import Limits

__all__ = ["LOOPBACK", "Limits", "create_app"]

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def create_app(model, hosts=LOOPBACK, start_id=None, **limits):
    """Make a FastAPI application that generates, classifies or embeds with a saved model.

    It has GET / (a chat page) and /health, and those of POST /generate, /classify and /embed that
    the model can answer. One thread owns the model and computes requests in batches.

    Args:
        model: a folder of `kerasx.models.save_model`, or an `Artefact` with a tokenizer.
        hosts: host names (without ports) that requests may be addressed to, or None for any.
        start_id: the token that the decoder of an encoder-decoder starts with; see `Generator`.
        **limits: see `Limits`.

    Raises:
        ValueError: there is no such folder, the model has no tokenizer, or a limit is not positive.
        ImportError: FastAPI is missing.

    app = create_app("runs/dialogue_lccc", max_new_tokens=32)
    """
    try:
        from kerasx.serve.app import application
    except ImportError as error:
        raise ImportError('Serving needs FastAPI: pip install "kerasx[serve]"') from error
    from kerasx.models import load_model

    is_folder = isinstance(model, (str, os.PathLike))
    return application(
        (lambda: load_model(model)) if is_folder else (lambda: model),
        Limits(**limits),
        hosts,
        start_id,
    )
