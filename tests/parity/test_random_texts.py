"""A folder in is text out: ids, outputs and generated text of random folders are transformers'."""

import random
from dataclasses import replace

import keras
import numpy as np
import pytest
import torch
import transformers

from kerasx.generation import Generator
from kerasx.models import build_transformer_model, save_pretrained
from kerasx.tokenizers import load_tokenizer
from tests.parity.random_families import FAMILIES
from tests.parity.random_folders import outputs_of, random_folder
from tests.parity.record import record
from tests.parity.test_random_folders import BACKENDS, TOLERANCE, largest_difference, ours_of
from tests.tokenizers.folders import make_folder, texts

# tokenizer in tests.tokenizers.folders -> family of the model
TOKENIZERS = {
    "gpt2": "gpt2",
    "llama": "llama",
    "qwen2": "qwen2",
    "bart": "bart",
    "t5": "t5",
    "mt5": "mt5",
    "bert": "bert",
    "roberta": "roberta",
    "xlm-roberta": "xlm-roberta",
    "albert": "albert",
    "deberta-v2": "deberta-v2",
    "electra": "electra",
    "distilbert": "distilbert",
    "gpt2-space": "gpt2",
    "llama-new": "llama",
    "bert-cased": "bert",
    "bert-markers": "bert",
    "bert-accents": "bert",
    "albert-accents": "albert",
    "deberta-lower": "deberta-v2",
}
CAUSAL = ("ForCausalLM", "LMHeadModel")
GENERATING = (*CAUSAL, "ForConditionalGeneration")
NEW, TURNS = 6, 6


def generates(family):
    """Return whether a family's texts are compared; `generate` gives RoBERTa false positions."""
    heads = FAMILIES[family].heads
    return family != "roberta" and any(head.endswith(GENERATING) for head in heads)


def make(seed, path):
    """Return (random folder with a tokenizer, transformers' tokenizer, random texts)."""
    draw = random.Random(seed)
    name = [*TOKENIZERS][seed % len(TOKENIZERS)]
    theirs = transformers.AutoTokenizer.from_pretrained(make_folder(name, path))
    family = FAMILIES[TOKENIZERS[name]]
    places = "n_positions" if family is FAMILIES["gpt2"] else "max_position_embeddings"
    config = {"vocab_size": len(theirs) + draw.choice([0, 0, 5]), places: 96}
    config |= {"eos_token_id": theirs.eos_token_id, "bos_token_id": theirs.bos_token_id}
    if family.pad is not None:
        config["pad_token_id"] = theirs.pad_token_id
    able = generates(TOKENIZERS[name])
    heads = [head for head in family.heads if head.endswith(GENERATING) == able]
    found = [draw.choice(texts())[:40] + draw.choice(["", " don't 5%", "😀"]) for _ in range(3)]
    return random_folder(seed, path, family, heads, config), theirs, found


def generated(model, theirs, text):
    """Return the ids that transformers generates greedily."""
    given = theirs(text, return_tensors="pt")
    given = {name: given[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        # the cache of transformers' T5 takes as many blocks as the encoder has for the decoder's
        (row,) = model.generate(**given, max_new_tokens=NEW, do_sample=False, use_cache=False)
    start = 1 if model.config.is_encoder_decoder else given["input_ids"].shape[1]
    return row[start:].tolist()


def generation_differs(folder, path, theirs, prompts):
    """Return the first prompt that kerasx goes on from otherwise than transformers, or None."""
    generate = Generator.from_folder(path, max_new_tokens=NEW)
    found = generate(prompts)
    ends = {theirs.eos_token_id, theirs.pad_token_id}
    for prompt, ids in zip(prompts, found.best):
        expected = generated(folder.model, theirs, prompt)
        while expected and expected[-1] in ends:
            expected.pop()
        if list(map(int, ids)) != expected:
            return prompt, ids, expected
    return None


def check(seed, path):
    """Assert equal ids, outputs or greedy tokens, and the same of what `save_pretrained` writes."""
    folder, theirs, prompts = make(seed, path)
    ours = load_tokenizer(path)
    for text in prompts:
        assert ours.encode(text)[0] == theirs(text)["input_ids"], folder.steps
    model = build_transformer_model(path, **folder.options)
    save_pretrained(model, path / "written", ours)
    again = transformers.AutoTokenizer.from_pretrained(path / "written")
    for text in prompts:
        assert again(text)["input_ids"] == theirs(text)["input_ids"], folder.steps
    if folder.head.endswith(GENERATING):
        assert generation_differs(folder, path, theirs, prompts) is None, folder.steps
        written = generation_differs(folder, path / "written", theirs, prompts[:1])
        assert written is None, folder.steps
        return 0.0
    ids, segments = (np.array([x]) for x in ours.encode(prompts[0]))
    segments = segments if folder.segments is not None else None
    read = replace(folder, tokens=[ids], segments=segments)
    error = largest_difference(ours_of(model, read), outputs_of(folder.model, read), read.real())
    assert error < TOLERANCE, folder.steps
    return error


FIRST = BACKENDS.index(keras.backend.backend())


@pytest.mark.parametrize("seed", range(FIRST, len(TOKENIZERS), len(BACKENDS)))
def test_a_folder_in_is_text_out(seed, tmp_path):
    record(check(seed, tmp_path / "folder"))


@pytest.mark.slow("a hundred folders")
@pytest.mark.parametrize("turn", range(TURNS))
def test_every_folder_in_is_text_out(turn, tmp_path):
    n = len(TOKENIZERS)
    seeds = range(turn * n, (turn + 1) * n)
    record(max(check(seed, tmp_path / str(seed)) for seed in seeds))
