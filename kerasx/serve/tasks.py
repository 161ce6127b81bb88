"""Load a model, and choose the tasks that it can do."""

import os

from kerasx.checks import invalid
from kerasx.generation.cache import decoding_kind, scores_tokens
from kerasx.generation.generation_config import read_generation_config
from kerasx.models.any_folder import is_saved, open_folder
from kerasx.serve.generation import Generation
from kerasx.serve.outputs import Classification, Embedding
from kerasx.serve.sentence_vectors import mean, sentence_vector


def load(model):
    """Return (`Artefact`, settings of generation, pooling) of a folder or an `Artefact`."""
    if not isinstance(model, (str, os.PathLike)):
        return model, {}, mean
    artefact, config = open_folder(model), {}
    if decoding_kind(artefact.model) is not None and not is_saved(model):
        config = read_generation_config(model)
    return artefact, config, sentence_vector(model)


def tasks_of(artefact, config, pool, limits, start_id=None):
    """Return {endpoint: task}, the tasks of an `Artefact`.

    A model with labels classifies, a model with a causal or UniLM mask that scores tokens
    generates, any other model embeds; so does the encoder of an encoder-decoder.

    Args:
        artefact: of `load`.
        config: the settings of its generation_config.json.
        pool: the function from vectors (n, d) of tokens to the vector of a text.
        limits: `Limits`.
        start_id: the token that the decoder of an encoder-decoder starts with.

    Raises:
        ValueError: the model has no tokenizer, or is of another kind; or the configuration asks
            for settings of generation that are not built.
    """
    model, tokenizer, builder = artefact.model, artefact.tokenizer, artefact.builder
    if tokenizer is None:
        raise invalid(
            "`tokenizer` must be saved with a model to be served: "
            "save_model(folder, model, tokenizer).",
            tokenizer=tokenizer,
        )
    tokenizer.encode("你好")  # loads word lists now, not at the first request
    if artefact.labels is not None:
        return {"classify": Classification(model, tokenizer, artefact.labels, limits.max_prompt)}
    generates = decoding_kind(model) is not None and scores_tokens(model)
    tasks = {"generate": Generation(artefact, config, limits, start_id)} if generates else {}
    encoder = getattr(builder, "encoder", None if tasks else model)
    if encoder is not None:
        tasks["embed"] = Embedding(encoder, tokenizer, limits.max_prompt, pool)
    return tasks
