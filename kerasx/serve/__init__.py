"""Serving over HTTP: `python -m kerasx.serve FOLDER`, or `create_app` for a server of one's own."""

import os

from kerasx.serve.server_limits import Limits

__all__ = ["LOOPBACK", "Limits", "create_app"]

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def create_app(model, hosts=LOOPBACK, start_id=None, **limits):
    """A FastAPI application that generates, classifies or embeds with a saved model.

    It has GET / (a chat page) and /health, and of POST /generate, /classify and /embed what the
    model is for. One thread owns the model; requests are computed in batches there.

    Args:
        model: a folder of `kerasx.models.save_model`, or an `Artefact` with a tokenizer.
        hosts: names the server may be called by (without ports), or None for any.
        start_id: what a decoder behind an encoder starts with, if not what is usual.
        **limits: see `Limits`.

    Raises:
        ValueError: no such folder, a model without tokenizer, or a limit that is not positive.
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
