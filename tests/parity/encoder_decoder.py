"""Tiny random encoder-decoder models of transformers, and the outputs of both libraries."""

import keras
import numpy as np
import torch
import transformers

from kerasx.generation import BeamSearch, Generator
from kerasx.models import build_transformer_model
from tests.parity.record import record

SOURCES = [[7, 9, 2, 4, 6, 8, 11], [5, 3, 8, 12]]
TARGETS = [[3, 5, 9, 4], [3, 6]]


def padded(rows, pad):
    """Return rows as an array (b, n), padded at the end."""
    n = max(map(len, rows))
    return np.array([row + [pad] * (n - len(row)) for row in rows])


def reference(architecture, config, **options):
    """Return a random model of transformers, biases, normalizations and buffers too."""
    torch.manual_seed(0)
    config = getattr(transformers, config)(**options)
    model = getattr(transformers, architecture)(config).eval()
    if (
        isinstance(model, transformers.MT5ForConditionalGeneration)
        or options.get("tie_word_embeddings") is False
    ):
        model.lm_head.weight = torch.nn.Parameter(torch.randn(model.lm_head.weight.shape))
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor += 0.3 * torch.randn(tensor.shape)
    return model


def assert_same(folder, model, arrays, pad, tolerance=1e-4, **options):
    """Assert that the folder's model gives the reference's outputs at the real tokens."""
    names = ("input_ids", "decoder_input_ids")[: len(arrays)]
    given = {name: torch.tensor(x) for name, x in zip(names, arrays)}
    masks = {n.replace("input_ids", "attention_mask"): (x != pad).long() for n, x in given.items()}
    with torch.no_grad():
        expected = model(**given, **masks)[0].numpy()
    ours = build_transformer_model(str(folder), **options)
    got = keras.ops.convert_to_numpy(ours(arrays if len(arrays) > 1 else arrays[0]))
    assert got.shape == expected.shape
    error = np.abs(got - expected)[arrays[-1] != pad].max()
    record(error)
    assert error < tolerance


def assert_same_generation(folder, model, start, pad, steps=6):
    """Assert that greedy tokens, and tokens and scores of beams, equal transformers' `generate`."""
    source = torch.tensor(padded(SOURCES, pad))
    options = {"attention_mask": (source != pad).long(), "max_new_tokens": steps}
    options |= {"do_sample": False, "eos_token_id": None, "forced_eos_token_id": None}
    options |= {"pad_token_id": pad, "decoder_start_token_id": start}
    ours = build_transformer_model(str(folder))
    greedy = model.generate(source, **options)[:, 1:].tolist()
    assert Generator(ours, start_id=start, max_new_tokens=steps)(SOURCES).best == greedy
    beams = model.generate(
        source,
        num_beams=3,
        num_return_sequences=3,
        length_penalty=0.0,
        output_scores=True,
        return_dict_in_generate=True,
        **options,
    )
    found = Generator(ours, BeamSearch(3), start_id=start, max_new_tokens=steps)(SOURCES)
    assert sum(found.sequences, []) == beams.sequences[:, 1:].tolist()
    np.testing.assert_allclose(sum(found.scores, []), beams.sequences_scores.numpy(), atol=1e-4)
