"""The random numbers that live in no model: those of torch, and Keras's global seed generator."""

import keras

from kerasx.backend.keras_internals import get_seed_generator, make_seed_generator

__all__ = ["get_random_state", "set_random_state"]


def get_random_state():
    """{name: array}: what `set_random_state` needs so that the same numbers come again.

    On PyTorch the generators of torch, which unseeded dropout draws from; on every backend the
    generator behind `keras.random` calls without a seed, if there is one yet. Generators that
    belong to a layer are among the variables of its model.

    >>> state = get_random_state()
    >>> a = keras.random.normal((2,))
    >>> set_random_state(state)
    >>> sorted(set(state) - {"torch", "keras"})
    []
    """
    state = {}
    generator = get_seed_generator()
    if generator is not None:
        state["keras"] = keras.ops.convert_to_numpy(generator.state)
    if keras.backend.backend() == "torch":
        import torch

        state["torch"] = torch.get_rng_state().numpy()
        for i in range(torch.cuda.device_count() if torch.cuda.is_initialized() else 0):
            state[f"cuda{i}"] = torch.cuda.get_rng_state(i).numpy()
    return state


def set_random_state(state):
    """Put back what `get_random_state` gave, on the same backend."""
    if "keras" in state:
        make_seed_generator().state.assign(state["keras"])
    if keras.backend.backend() == "torch":
        import torch

        for name, array in state.items():
            if name == "torch":
                torch.set_rng_state(torch.tensor(array))
            elif name.startswith("cuda"):
                torch.cuda.set_rng_state(torch.tensor(array), int(name[4:]))
