"""Read the arguments of a `Generator` from a folder."""

from kerasx.generation.generation_config import (
    SETTINGS,
    generator_arguments,
    read_generation_config,
)
from kerasx.models.any_folder import is_saved, open_folder


def folder_arguments(folder, settings):
    """Return the arguments of a `Generator`; see `Generator.from_folder`."""
    found = open_folder(folder, generates=True)
    options = {"model": found.model, "tokenizer": found.tokenizer}
    if is_saved(folder):
        return options | settings
    asked = {k: v for k, v in settings.items() if k in SETTINGS or k not in _OWN}
    if "strategy" in settings:
        asked |= {"do_sample": False, "num_beams": 1}
    own = {k: v for k, v in settings.items() if k not in asked}
    config = read_generation_config(folder)
    return options | generator_arguments(config, found.model, **asked) | own


# arguments of `Generator` that transformers does not have
_OWN = frozenset(
    """strategy end_id segment_id batch_size pad_id prompt_multiple start_id constraints
    keep_end""".split()
)
