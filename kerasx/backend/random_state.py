"""Save and restore the random states outside of models: torch's, and Keras's global generator."""

import keras

from kerasx.backend.keras_internals import get_seed_generator, make_seed_generator


def get_random_state():
    """Return the random states of this process as arrays, for `set_random_state`.

    The generator behind `keras.random` calls without a seed, if there is one yet, and on PyTorch
    the generators of torch. The seed generators of layers are variables of their model.

    Returns:
        {name: NumPy array}.

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
    """Restore the states that `get_random_state` returned on the same backend."""
    if "keras" in state:
        make_seed_generator().state.assign(state["keras"])
    if keras.backend.backend() == "torch":
        import torch

        for name, array in state.items():
            if name == "torch":
                torch.set_rng_state(torch.tensor(array))
            elif name.startswith("cuda") and int(name[4:]) < torch.cuda.device_count():
                torch.cuda.set_rng_state(torch.tensor(array), int(name[4:]))
