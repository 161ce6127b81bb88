"""Serve over HTTP: `python -m kerasx.serve FOLDER`, or `create_app` for your own server."""

import os

from kerasx.serve.server_limits import LOOPBACK, Limits
from kerasx.serve.web_serving import WebServing

__all__ = ["Limits", "WebServing", "create_app"]


def create_app(model, hosts=LOOPBACK, start_id=None, name=None, **limits):
    """Make a FastAPI application that generates, classifies or embeds with a model.

    It has GET / (a chat page) and /health, and those of POST /generate, /classify and /embed that
    the model can answer; and OpenAI's /v1/models, /v1/chat/completions, /v1/completions and
    /v1/embeddings likewise. One thread owns the model and computes requests in batches.

    Args:
        model: a folder of `kerasx.models.save_model`, of Hugging Face or of TensorFlow, or an
            `Artefact` with a tokenizer.
        hosts: host names (without ports) that requests may be addressed to, or None for any.
        start_id: the token that the decoder of an encoder-decoder starts with; see `Generator`.
        name: the model's name in OpenAI's protocol; by default the folder's.
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
    is_folder = isinstance(model, (str, os.PathLike))
    usual = os.path.basename(os.path.abspath(model)) if is_folder else "kerasx"
    return application(model, Limits(**limits), hosts, start_id, name or usual)
