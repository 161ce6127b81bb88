"""Write what the tag and pointer layers of bert4keras compute to bert4keras/heads.npz.

As make_bert4keras_reference.py, apart from the tests:

    TF_KERAS=1 TF_USE_LEGACY_KERAS=1 PYTHONPATH=/tmp/peers:. \\
        python tests/parity/make_bert4keras_heads.py

The arrays are `x`, `scores`, `tags`, `lengths`; for each layer its weights and its result.
"""

import os

import numpy as np

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bert4keras", "heads.npz")
POINTERS = {
    "GlobalPointer": {"heads": 2, "head_size": 4},
    "GlobalPointer-plain": {"heads": 2, "head_size": 4, "RoPE": False, "use_bias": False},
    "EfficientGlobalPointer": {"heads": 3, "head_size": 4},
    "EfficientGlobalPointer-any": {"heads": 3, "head_size": 4, "tril_mask": False},
}
TAGGERS = {
    "ConditionalRandomField": {"lr_multiplier": 10},
    "MaximumEntropyMarkovModel": {"lr_multiplier": 10},
    "MaximumEntropyMarkovModel-low": {"lr_multiplier": 10, "hidden_dim": 2},
}


def main():
    from bert4keras import layers
    from bert4keras.backend import K, keras
    from bert4keras.snippets import ViterbiDecoder

    rng = np.random.default_rng(0)
    arrays = {
        "x": rng.normal(size=(3, 6, 8)).astype("float32"),
        "scores": rng.normal(size=(3, 6, 5)).astype("float32"),
        "tags": rng.integers(0, 5, (3, 6)).astype("int32"),
        "lengths": np.array([6, 4, 1]),
    }
    mask = np.arange(6) < arrays["lengths"][:, None]
    padded = {key: np.where(mask[..., None], arrays[key], 0) for key in ("x", "scores")}

    def applied(name, options, key):
        layer = getattr(layers, name.split("-")[0])(**options)
        inputs = keras.layers.Input((6, arrays[key].shape[-1]))
        model = keras.Model(inputs, layer(keras.layers.Masking()(inputs)))
        weights = [rng.normal(size=w.shape).astype("float32") for w in model.get_weights()]
        model.set_weights(weights)
        arrays.update({f"{name}/weight_{i}": w for i, w in enumerate(weights)})
        return layer, model.predict(padded[key], verbose=0)

    for name, options in POINTERS.items():
        arrays[f"{name}/output"] = applied(name, options, "x")[1]
    for name, options in TAGGERS.items():
        layer, outputs = applied(name, options, "scores")
        tags, outputs = K.constant(arrays["tags"], "int32"), K.constant(outputs)
        arrays[f"{name}/loss"] = np.array(layer.sparse_loss(tags, outputs))
        arrays[f"{name}/accuracy"] = np.array(layer.sparse_accuracy(tags, outputs))
        if name == "ConditionalRandomField":
            decoder = ViterbiDecoder(np.array(layer.trans))
            nodes = zip(arrays["scores"], arrays["lengths"])
            best = [decoder.decode(s[:n].copy()) for s, n in nodes]
            arrays[f"{name}/decoded"] = np.stack([np.pad(b, (0, 6 - len(b))) for b in best])
    np.savez_compressed(PATH, **arrays)
    print(f"{PATH}: {os.path.getsize(PATH)} bytes")


if __name__ == "__main__":
    main()
