"""Arrange the arrays of a pretraining batch as inputs, labels and weights of a model."""

import numpy as np

from kerasx.checks import invalid

# for the end of an input's name, the name of the array that it takes
_ARRAYS = {
    "Encoder-Input-Token": "encoder_ids",
    "Decoder-Input-Token": "decoder_ids",
    "Input-Token": "token_ids",
    "Input-Segment": "segment_ids",
    "Input-Places": "places",
    "Labels": "labels",
    "Weights": "weights",
}


def arrange_for(model):
    """Return a function from a dict of arrays to the batch of a model, for `CorpusDataset`.

        CorpusDataset(corpus, 32, MaskTokens(tokenizer), arrange_for(model))

    Inputs are found by their names, whatever the prefix: token_ids, segment_ids (zeros if the dict
    has none), places, encoder_ids, decoder_ids; labels and weights where they are inputs, as in
    `electra_pretraining`. Otherwise "labels" and "weights" are those of `compile`, and "order", a
    label of the whole row, is that of the first of two outputs. A model with its loss inside gets
    inputs only.

    Args:
        model: a keras.Model, such as those of `build_transformer_model` and `score_places`, or one
            with a loss on top.

    Returns:
        A function (dict) -> (inputs,), or (inputs, labels, weights).

    Raises:
        ValueError: an input that none of these arrays is for.

    >>> from kerasx.models import BERT
    >>> bert = BERT(30, 8, 1, 2, 16, with_mlm="linear")
    >>> bert.build()
    >>> arrange = arrange_for(bert.model)
    >>> [x.tolist() for x in arrange({"token_ids": np.array([[2, 7, 3]])})[0]]
    [[[2, 7, 3]], [[0, 0, 0]]]
    """
    names = [x.name for x in model.inputs]
    arrays = [next((a for end, a in _ARRAYS.items() if x.endswith(end)), None) for x in names]
    if None in arrays:
        raise invalid(f"`model` must have inputs whose names end in {list(_ARRAYS)}.", names=names)
    return _Arrange(tuple(arrays), len(model.outputs) > 1)


class _Arrange:
    """The function that `arrange_for` returns; it pickles, and tells its options by `repr`."""

    def __init__(self, arrays, with_order):
        self.arrays, self.with_order = arrays, with_order

    def __call__(self, batch):
        if "segment_ids" in self.arrays and "segment_ids" not in batch:
            batch = {**batch, "segment_ids": np.zeros_like(batch["token_ids"])}
        inputs = tuple(batch[name] for name in self.arrays)  # no list, for TensorFlow's datasets
        inputs = inputs[0] if len(inputs) == 1 else inputs
        if "labels" not in batch or "labels" in self.arrays:
            return (inputs,)
        labels, weights = batch["labels"], batch["weights"]
        if not (self.with_order and "order" in batch):
            return inputs, labels, weights
        order = batch["order"]
        return inputs, (order, labels), (np.ones(np.shape(order), "float32"), weights)

    def __repr__(self):
        return f"arrange_for({', '.join(self.arrays)}, with_order={self.with_order})"
