"""Models as they are pretrained: token scores at masked places only, and ELECTRA's two models."""

import keras

from kerasx.backend.keras_internals import is_softmax
from kerasx.checks import check_number, invalid
from kerasx.layers.at_places import AtPlaces
from kerasx.layers.replaced_tokens import ElectraLoss, SampledTokens
from kerasx.models.builder_arguments import arguments_of, builder_of
from kerasx.models.families.electra import ELECTRA


def score_places(model):
    """Return a model with the same layers whose tokens are scored at given places only.

    In masked-language-model training 15% of the places have a loss. Here the vectors there are
    gathered before the output layer, so that no scores of the others are computed:

        bert = build_transformer_model(folder, with_mlm="linear")
        model = score_places(bert)  # inputs: those of bert, and the places (b, p)
        model.compile("adam", MaskedCrossEntropy(), weighted_metrics=["accuracy"])
        model.fit(dataset)  # of (inputs, labels (b, p), weights (b, p))
        save_pretrained(bert, folder)

    Args:
        model: a model that `build_transformer_model` made with `with_mlm`, or its builder. It has
            the same weights as the result, and is saved instead of it.

    Returns:
        A keras.Model with the further input `Input-Places`, int32 (b, p): any place, with weight 0,
        where a row has fewer. Its token scores are (b, p, vocab_size); other outputs stay.

    Raises:
        ValueError: the model has no `with_mlm`.

    >>> from kerasx.models import BERT
    >>> bert = BERT(30, 8, 1, 2, 16, with_mlm="linear")
    >>> bert.build()
    >>> score_places(bert).output.shape
    (None, None, 30)
    """
    builder = model if hasattr(model, "apply_main_layers") else getattr(model, "builder", None)
    token_scores = getattr(builder, "token_scores", None)
    if token_scores is None or is_softmax(token_scores):  # losses take logits
        raise invalid(
            "`model` must be one that build_transformer_model(..., with_mlm='linear') made.",
            model=model,
        )
    places = keras.Input((None,), dtype="int32", name=builder.prefixed("Input-Places"))
    vectors = AtPlaces(name=builder.prefixed("MLM-Places"))([builder.scored_vectors, places])
    scores = builder.score_tokens(vectors)
    outputs = [scores if x is builder.token_scores else x for x in builder.outputs]
    return keras.Model([*builder.inputs, places], builder.simplify(outputs))


def electra_generator(discriminator, fraction=1 / 4, **arguments):
    """Build the generator of an ELECTRA: fewer heads, narrower, and the same embeddings.

    Its layers are named "Generator-...", but for the shared ones; `save_pretrained` writes it as an
    ElectraForMaskedLM.

    Args:
        discriminator: an `ELECTRA`, or the model that it built.
        fraction: heads (rounded, at least one) and widths of the generator by those of the
            discriminator: 1/4 in ELECTRA-small and -large, 1/3 in -base.
        arguments: other arguments of `ELECTRA` that differ, such as num_hidden_layers.

    Returns:
        A built `ELECTRA`.

    >>> electra = ELECTRA(30, 8, 1, 4, 16, with_discriminator="linear")
    >>> electra.build()
    >>> generator = electra_generator(electra, fraction=1 / 2)
    >>> generator.hidden_size, generator.num_attention_heads, generator.intermediate_size
    (4, 2, 8)
    """
    builder = _electra(discriminator)
    check_number("fraction", fraction, least=0, most=1)
    heads = max(1, round(fraction * builder.num_attention_heads))
    ratio, prefix = heads / builder.num_attention_heads, "Generator-"
    sizes = {
        "num_attention_heads": heads,
        "hidden_size": round(ratio * builder.hidden_size),
        "intermediate_size": round(ratio * builder.intermediate_size),
    }
    heads = {"with_mlm": "linear", "with_discriminator": False, "with_pool": False}
    options = {**arguments_of(builder), **sizes, **heads, "with_classes": None, **arguments}
    start = builder.prefixed("Embedding-")
    layers = {
        prefix + name.removeprefix(builder.prefix): layer
        for name, layer in builder.layers.items()
        if name.startswith(start) and name != builder.prefixed("Embedding-Mapping")
    }
    generator = type(builder)(**{**options, "prefix": prefix, "name": None}, layers=layers)
    generator.build()
    return generator


def electra_pretraining(discriminator, generator, discriminator_weight=50.0, seed=None):
    """Join ELECTRA's two models for training: one fills masks, one finds the replaced tokens.

    The generator scores the masked places, tokens are sampled there from its scores, without
    gradient, and the discriminator tells for each token whether it was replaced:
    L = L_mlm + 50 L_replaced. Compile the result without a loss; afterwards the discriminator is
    the model to keep: save_pretrained(discriminator, folder).

    Args:
        discriminator: an `ELECTRA` with with_discriminator="linear", or the model it built.
        generator: an `ELECTRA` with with_mlm="linear" and the same vocabulary, such as
            `electra_generator(discriminator)`, which shares the embeddings.
        discriminator_weight: of the discriminator's loss.
        seed: seed of the sampling.

    Returns:
        A keras.Model with the inputs token ids (masked), segment ids if the models have them,
        places, labels (the original tokens there) and weights, each (b, p); it returns the
        discriminator's logits (b, n, 1).

    Source: arXiv 2003.10555.

    >>> electra = ELECTRA(30, 8, 1, 2, 16, with_discriminator="linear")
    >>> electra.build()
    >>> model = electra_pretraining(electra, electra_generator(electra))
    >>> [x.name.removeprefix("Generator-Input-") for x in model.inputs]
    ['Token', 'Segment', 'Places', 'Labels', 'Weights']
    """
    builder, other = _electra(discriminator), _electra(generator)
    if builder.with_discriminator != "linear" or builder.with_mlm or other.with_mlm != "linear":
        raise invalid(
            "`discriminator` must be built with with_discriminator='linear' and no with_mlm, "
            "`generator` with with_mlm='linear'.",
            with_discriminator=builder.with_discriminator,
            with_mlm=(builder.with_mlm, other.with_mlm),
        )
    if (builder.vocab_size, builder.input_roles) != (other.vocab_size, other.input_roles):
        raise invalid(
            "`generator` must have the discriminator's vocabulary and inputs.",
            vocab_size=(builder.vocab_size, other.vocab_size),
            input_roles=(builder.input_roles, other.input_roles),
        )
    filling = score_places(other)
    labels = keras.Input((None,), dtype="int32", name="Labels")
    weights = keras.Input((None,), dtype="float32", name="Weights")
    ids, *others, places = filling.inputs
    sampled = SampledTokens(other.pad_id, seed, name="Sampled-Tokens")
    tokens, replaced = sampled([ids, places, labels, weights, filling.output])
    logits = builder.model([tokens, *others] if others else tokens)
    loss = ElectraLoss(4, discriminator_weight, name="Electra-Loss")
    outputs = loss([labels, weights, filling.output, replaced, logits])
    return keras.Model([*filling.inputs, labels, weights], outputs)


def _electra(model):
    builder = builder_of(model)
    if not isinstance(builder, ELECTRA):
        raise invalid("`model` must be an ELECTRA.", model=type(builder).__name__)
    return builder
