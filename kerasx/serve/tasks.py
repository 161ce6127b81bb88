"""What a saved model can be asked for."""

from kerasx.generation.cache import decoding_kind
from kerasx.serve.generation import Generation
from kerasx.serve.outputs import Classification, Embedding

__all__ = ["tasks_of"]


def tasks_of(artefact, limits, start_id=None):
    """{endpoint: what computes its answers} of an `Artefact`.

    Labels make it a classifier, a causal or UniLM mask a generator; the outputs of any other
    model, and those of an encoder with its decoder, are vectors.

    Raises:
        ValueError: a model without a tokenizer, or one of another kind.
    """
    model, tokenizer, builder = artefact.model, artefact.tokenizer, artefact.builder
    if tokenizer is None:
        raise ValueError(
            "The model must be saved with its tokenizer to be served: "
            "save_model(folder, model, tokenizer)."
        )
    tokenizer.encode("你好")  # a word list that is loaded on first use is loaded now
    if artefact.labels is not None:
        return {"classify": Classification(model, tokenizer, artefact.labels, limits.max_prompt)}
    if decoding_kind(model) is None:
        return {"embed": Embedding(model, tokenizer, limits.max_prompt)}
    tasks = {"generate": Generation(artefact, limits, start_id)}
    if hasattr(builder, "encoder"):
        tasks["embed"] = Embedding(builder.encoder, tokenizer, limits.max_prompt)
    return tasks
