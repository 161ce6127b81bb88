"""Choose the tasks that a saved model can do."""

from kerasx.checks import invalid
from kerasx.generation.cache import decoding_kind
from kerasx.serve.generation import Generation
from kerasx.serve.outputs import Classification, Embedding


def tasks_of(artefact, limits, start_id=None):
    """Return {endpoint: task}, the tasks of an `Artefact`.

    A model with labels classifies, a model with a causal or UniLM mask generates, any other model
    embeds; so does the encoder of an encoder-decoder.

    Raises:
        ValueError: the model has no tokenizer, or is of another kind.
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
    if decoding_kind(model) is None:
        return {"embed": Embedding(model, tokenizer, limits.max_prompt)}
    tasks = {"generate": Generation(artefact, limits, start_id)}
    if hasattr(builder, "encoder"):
        tasks["embed"] = Embedding(builder.encoder, tokenizer, limits.max_prompt)
    return tasks
