"""Load the first blocks of a deeper checkpoint."""

import copy

from kerasx.models.foreign_keys import logger


def further_blocks(builder, config, kwargs):
    """Return patterns of the tensors of the blocks that an override of the depth leaves out.

    Args:
        builder: a builder.
        config: dict, the configuration of the checkpoint.
        kwargs: what overrides it.
    """
    keys = builder.huggingface.keys
    asked = {keys.get(key, key) for key in kwargs} & {"num_hidden_layers", "num_decoder_layers"}
    stated = {keys.get(key, key): value for key, value in config.items()}
    if not asked or not isinstance(stated.get("num_hidden_layers"), (int, float)):
        return []
    depth, own = int(stated["num_hidden_layers"]), builder.num_hidden_layers
    deeper = copy.copy(builder)
    deeper.num_hidden_layers = deeper.num_encoder_layers = depth
    deeper.num_decoder_layers = stated.get("num_decoder_layers") or depth
    names = _variables(deeper) - _variables(builder)
    if not names:
        return []
    logger.warning("Only the first %d of %d blocks of the checkpoint are loaded.", own, depth)
    prefix, name_of = builder.huggingface.prefix, builder.huggingface.name_of
    theirs = {name_of(name).partition("[")[0].removeprefix(prefix) for name in names}
    return [f"*{name}" for name in (*names, *theirs)]


def _variables(builder):
    return {name for variables in builder.variable_mapping().values() for name in variables}
