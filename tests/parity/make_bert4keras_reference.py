"""Write what bert4keras computes on tiny random models to bert4keras/<model>.npz.

bert4keras 0.11.5 needs the Keras of its day, so it runs apart from the tests (Python < 3.12):

    pip install --no-deps --target /tmp/peers bert4keras tf_keras
    TF_KERAS=1 TF_USE_LEGACY_KERAS=1 PYTHONPATH=/tmp/peers:. \\
        python tests/parity/make_bert4keras_reference.py bert nezha

The models are those of bert4keras_cases.py; without any named, all are written. A file holds
`cases` (JSON: the arguments of build_transformer_model), for each case its inputs and outputs,
and the checkpoint tensors of all its cases, each once.
"""

import json
import os
import sys

import numpy as np

from tests.parity.bert4keras_cases import CASES, arguments

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bert4keras")
# variables that lie on disk with the whole vocabulary, first or last, and transposed ones
VOCABULARY_FIRST = (
    "word_embeddings",
    "word_embed",
    "shared/embedding",
    "predictions/output_bias",
)
VOCABULARY_LAST = ("logits/kernel",)
TRANSPOSED = ("seq_relationship/output_weights", "relative_attention_bias")
# scales: around one
SCALES = ("gamma", "scale", "/g")


def disk_shape(name, shape, vocab_size):
    """Return the shape on disk of the variable that fills a weight of this shape."""
    if name.endswith(VOCABULARY_FIRST):
        return (vocab_size, *shape[1:])
    if name.endswith(VOCABULARY_LAST):
        return (*shape[:-1], vocab_size)
    return shape[::-1] if name.endswith(TRANSPOSED) else shape


def make_input(symbol, case, tokens, rng):
    """Return an array for the input of this name: token, segment or position ids, or vectors."""
    role = symbol.name.rsplit("Input-", 1)[-1]
    b, n = tokens.shape
    if role == "Token":
        return tokens if symbol.name != "Decoder-Input-Token" else np.roll(tokens, 1, axis=0)[:, :5]
    if role == "Segment":
        return (np.arange(n) >= np.array([[2], [3], [n]])) * (tokens > 0)
    if role == "Position":
        return rng.integers(0, 6, (b, n))
    return rng.normal(size=(b, *(size or n for size in symbol.shape[1:])))


def make_inputs(builder, case, rng):
    """Return the inputs of a case: three sequences, the second one padded."""
    n = case.get("sequence_length", 11 if "hierarchical_position" in case else 6)
    tokens = rng.integers(1, 8 if "keep_tokens" in case else 20, (3, n))
    tokens[1, 4:] = 0
    inputs = [make_input(x, case, tokens, rng) for x in builder.inputs]
    return [x.astype("float32" if x.dtype.kind == "f" else "int32") for x in inputs]


def make_tensor(tensors, key, shape, rng):
    """Return the tensor of this name and shape, the same in all cases."""
    if key not in tensors:
        around = key.split(":")[0].endswith(SCALES)
        tensors[key] = (around + 0.5 * rng.normal(size=shape)).astype("float32")
    return tensors[key]


def run(model, case, tensors, rng):
    """Return (keys of the checkpoint's tensors, inputs, outputs) of bert4keras on one case."""
    from bert4keras.backend import keras
    from bert4keras.models import build_transformer_model

    options = arguments(model, case)
    if "layer_norm_cond" in options:
        condition = keras.layers.Input((options["layer_norm_cond"],))
        options.update(layer_norm_cond=condition, additional_input_layers=condition)
    cls = gau_alpha() if model == "gau_alpha" else model
    builder = build_transformer_model(model=cls, return_keras_model=False, **options)
    checkpoint = {}
    for layer, names in builder.variable_mapping().items():
        weights = builder.layers[layer].trainable_weights if layer in builder.layers else []
        for name, weight in zip(names, weights):
            shape = disk_shape(name, tuple(weight.shape), options["vocab_size"])
            key = f"{name}:{'x'.join(map(str, shape))}"
            checkpoint[name] = make_tensor(tensors, key, shape, rng)
        for i, weight in enumerate(weights[len(names) :]):  # of a conditional normalization
            key = f"{layer}/condition_{i}:{'x'.join(map(str, weight.shape))}"
            weight.assign(make_tensor(tensors, key, weight.shape, rng))
            checkpoint[f"{layer}/condition_{i}"] = tensors[key]
    builder.load_weights_from_checkpoint(checkpoint)
    inputs = make_inputs(builder, case, rng)
    outputs = builder.model.predict(inputs, verbose=0)
    keys = [f"{n}:{'x'.join(map(str, v.shape))}" for n, v in checkpoint.items()]
    return keys, inputs, outputs if isinstance(outputs, list) else [outputs]


def gau_alpha():
    """Build GAU-alpha from bert4keras's own layers: the package lacks the model's class."""
    from bert4keras.layers import Add, GatedAttentionUnit, LayerNormalization
    from bert4keras.models import RoFormerV2

    class GatedModel(RoFormerV2):
        def apply_main_layers(self, inputs, index):
            name = f"Transformer-{index}-GatedAttentionUnit"
            mask, position = self.compute_attention_bias(index), self.compute_position_bias(inputs)
            x = self.apply(
                self.simplify([inputs, mask, position]),
                GatedAttentionUnit,
                arguments={"a_bias": None if mask is None else True, "p_bias": "rotary"},
                units=self.intermediate_size,
                key_size=self.attention_key_size,
                activation=self.hidden_act,
                use_bias=False,
                normalization="softmax_plus",
                name=name,
            )
            x = self.apply([inputs, x], Add, name=f"{name}-Add")
            options = {"zero_mean": False, "scale": False, "offset": False}
            return self.apply(x, LayerNormalization, name=f"{name}-Norm", **options)

        def variable_mapping(self):
            mapping = {k: v for k, v in super().variable_mapping().items() if "Embedding" in k}
            weights = ("i_dense/kernel", "q_scaleoffset/gamma", "k_scaleoffset/gamma")
            for i in range(self.num_hidden_layers):
                mapping[f"Transformer-{i}-GatedAttentionUnit"] = [
                    f"GAU_alpha/encoder/layer_{i}/gau/{weight}"
                    for weight in (*weights, "o_dense/kernel")
                ]
            return mapping

    return GatedModel


def write(model):
    rng, tensors, arrays, cases = np.random.default_rng(0), {}, {}, {}
    for name, case in CASES[model].items():
        keys, inputs, outputs = run(model, case, tensors, rng)
        cases[name] = {"arguments": arguments(model, case), "tensors": keys}
        for i, x in enumerate(inputs):
            arrays[f"{name}/input_{i}"] = x
        for i, x in enumerate(outputs):
            arrays[f"{name}/output_{i}"] = np.asarray(x, "float32")
    arrays |= {f"tensor/{key}": value for key, value in tensors.items()}
    os.makedirs(FOLDER, exist_ok=True)
    path = os.path.join(FOLDER, f"{model}.npz")
    np.savez_compressed(path, cases=np.array(json.dumps(cases)), **arrays)
    print(f"{path}: {len(cases)} cases, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    for chosen in sys.argv[1:] or CASES:
        write(chosen)
