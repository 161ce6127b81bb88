"""Write what bert4keras computes on tiny random models to bert4keras.npz, next to this file.

bert4keras 0.11.5 needs the Keras of its day, so it runs apart from the tests (Python < 3.12):

    pip install --no-deps --target /tmp/peers bert4keras tf_keras
    TF_KERAS=1 TF_USE_LEGACY_KERAS=1 PYTHONPATH=/tmp/peers \\
        python tests/parity/make_bert4keras_reference.py

The file holds `cases` (JSON: the arguments of build_transformer_model), for each case its inputs
and outputs, and the checkpoint tensors of all cases, each once.
"""

import json
import os

import numpy as np

BASE = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "hidden_act": "gelu",
    "max_position": 6,
}
CASES = {
    "encoder": {},
    "lm": {"application": "lm"},
    "unilm": {"application": "unilm"},
    "pool": {"with_pool": True},
    "pool_linear": {"with_pool": "linear"},
    "nsp": {"with_nsp": True},
    "mlm": {"with_mlm": True},
    "nsp_and_mlm_logits": {"with_nsp": True, "with_mlm": "linear"},
    "keep_tokens": {"with_mlm": "linear", "keep_tokens": [0, 5, 1, 7, 9, 10, 11, 3]},
    "compound_tokens": {
        "with_mlm": "linear",
        "keep_tokens": [0, 5, 1, 7, 9, 10],
        "compound_tokens": [[1, 2], [[3, 4, 5], [0.2, 0.3, 0.5]]],
    },
    "hierarchical_position": {"hierarchical_position": True},
    "custom_position_ids": {"custom_position_ids": True},
    "residual_attention_scores": {"residual_attention_scores": True},
    "attention_key_size": {"attention_key_size": 3},
    "embedding_size": {"embedding_size": 4, "with_mlm": "linear"},
    "no_segments": {"segment_vocab_size": 0},
    "layer_norm_cond": {"layer_norm_cond": 3},
    "layer_norm_cond_hidden": {
        "layer_norm_cond": 3,
        "layer_norm_cond_hidden_size": 5,
        "layer_norm_cond_hidden_act": "tanh",
    },
}


def arguments(case):
    """The arguments of a case as Python has them: JSON knows no tuples."""
    options = {**BASE, **case}
    compounds = options.pop("compound_tokens", None)
    if compounds:
        options["compound_tokens"] = [
            tuple(item) if isinstance(item[0], list) else item for item in compounds
        ]
    return options


def make_inputs(case, rng):
    """Token, segment, position ids and condition, those that the case takes."""
    n = 11 if "hierarchical_position" in case else 6
    size = 8 if "keep_tokens" in case else 20
    token_ids = rng.integers(1, size, (3, n))
    token_ids[1, 4:] = 0
    segment_ids = (np.arange(n) >= np.array([[2], [3], [n]])) * (token_ids > 0)
    inputs = [token_ids] + ([] if case.get("segment_vocab_size") == 0 else [segment_ids])
    inputs += [rng.integers(0, 6, (3, n))] if "custom_position_ids" in case else []
    inputs = [x.astype("int32") for x in inputs]
    return inputs + (
        [rng.normal(size=(3, 3)).astype("float32")] if "layer_norm_cond" in case else []
    )


def make_tensor(tensors, key, shape, rng):
    """The tensor of this name and shape, the same in all cases."""
    if key not in tensors:
        gamma = key.endswith("gamma")
        tensors[key] = (gamma + 0.5 * rng.normal(size=shape)).astype("float32")
    return tensors[key]


def run(case, tensors, rng):
    """(inputs, outputs) of bert4keras on one case."""
    from bert4keras.backend import keras
    from bert4keras.models import build_transformer_model

    options = arguments(case)
    if "layer_norm_cond" in options:
        condition = keras.layers.Input((options["layer_norm_cond"],))
        options.update(layer_norm_cond=condition, additional_input_layers=condition)
    builder = build_transformer_model(model="bert", return_keras_model=False, **options)
    checkpoint = {}
    for layer, names in builder.variable_mapping().items():
        weights = builder.layers[layer].trainable_weights if layer in builder.layers else []
        for name, weight in zip(names, weights):
            shape = tuple(weight.shape)
            if name.endswith(("word_embeddings", "predictions/output_bias")):
                shape = (options["vocab_size"], *shape[1:])
            if name == "cls/seq_relationship/output_weights":
                shape = shape[::-1]
            key = f"{name}:{'x'.join(map(str, shape))}"
            checkpoint[name] = make_tensor(tensors, key, shape, rng)
        for i, weight in enumerate(weights[len(names) :]):  # of a conditional normalization
            key = f"{layer}/condition_{i}:{'x'.join(map(str, weight.shape))}"
            weight.assign(make_tensor(tensors, key, weight.shape, rng))
            checkpoint[f"{layer}/condition_{i}"] = tensors[key]
    builder.load_weights_from_checkpoint(checkpoint)
    inputs = make_inputs(case, rng)
    outputs = builder.model.predict(inputs, verbose=0)
    keys = [f"{n}:{'x'.join(map(str, v.shape))}" for n, v in checkpoint.items()]
    return keys, inputs, outputs if isinstance(outputs, list) else [outputs]


def main():
    rng, tensors, arrays, cases = np.random.default_rng(0), {}, {}, {}
    for name, case in CASES.items():
        keys, inputs, outputs = run(case, tensors, rng)
        cases[name] = {"arguments": case, "tensors": keys}
        for i, x in enumerate(inputs):
            arrays[f"{name}/input_{i}"] = x
        for i, x in enumerate(outputs):
            arrays[f"{name}/output_{i}"] = np.asarray(x, "float32")
    arrays |= {f"tensor/{key}": value for key, value in tensors.items()}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bert4keras.npz")
    np.savez_compressed(path, cases=np.array(json.dumps(cases)), **arrays)
    print(f"{path}: {len(cases)} cases, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
