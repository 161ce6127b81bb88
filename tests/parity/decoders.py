"""Helpers of the parity tests of decoder-only families."""

import keras
import numpy as np
import torch

from tests.parity.record import record

TOKENS = np.array([[2, 5, 7, 9, 3, 21], [1, 8, 3, 0, 0, 4]])


def randomized(model):
    """Return the model with random biases and normalizations too."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter += 0.3 * torch.randn(parameter.shape)
    return model.eval()


def vectors_or_logits(model, tokens=TOKENS, **inputs):
    """Return the first output of a model of transformers, float32 NumPy."""
    with torch.no_grad():
        return model(torch.tensor(tokens), **inputs)[0].float().numpy()


def assert_same(model, expected, inputs=TOKENS, tolerance=1e-4):
    """Assert that a keras.Model gives the expected output."""
    got = keras.ops.convert_to_numpy(model(inputs, training=False))
    error = np.abs(got - expected).max()
    record(error)
    assert error < tolerance


def greedy(model, prompt, new):
    """Return the continuation of one prompt by transformers' greedy search, without an end."""
    out = model.generate(
        torch.tensor([prompt]), do_sample=False, max_new_tokens=new, min_new_tokens=new
    )
    return out[0, len(prompt) :].tolist()


def generated(model, prompts, ends, n=1, **options):
    """Return (sequences, scores) by transformers' `generate`, n for each prompt of equal length.

    Sequences are without their prompt, and without the end and what follows.
    """
    prompts = torch.tensor(prompts)
    options |= {"num_return_sequences": n, "eos_token_id": list(ends) or None}
    found = model.generate(
        prompts,
        attention_mask=torch.ones_like(prompts),
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
        **options,
    )
    start = 1 if model.config.is_encoder_decoder else prompts.shape[1]
    rows = [row[start:].tolist() for row in found.sequences]
    rows = [row[: next((i for i, x in enumerate(row) if x in ends), None)] for row in rows]
    scores = getattr(found, "sequences_scores", torch.zeros(len(rows))).tolist()
    groups = range(0, len(rows), n)
    return [rows[i : i + n] for i in groups], [scores[i : i + n] for i in groups]
