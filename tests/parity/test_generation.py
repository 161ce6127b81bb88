"""Generation equals transformers' `generate`, filters and penalties its logits processors."""

import keras
import numpy as np
import pytest
import torch
import transformers
from keras import ops
from transformers.generation import logits_process as theirs

from kerasx.generation import (
    BeamSearch,
    Generator,
    Greedy,
    NoRepeatNgrams,
    RepetitionPenalty,
)
from kerasx.generation.constraints.constraint import NoEndBefore
from kerasx.generation.strategies import sampling
from kerasx.generation.strategies.strategy import NEVER
from kerasx.models import build_transformer_model
from tests.parity.decoders import generated

HALF = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2)
T5 = dict(d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2, decoder_start_token_id=0)
GPT2 = dict(n_embd=16, n_layer=2, n_head=2, n_positions=32)
BART = dict(
    d_model=16,
    encoder_layers=2,
    decoder_layers=2,
    encoder_attention_heads=2,
    decoder_attention_heads=2,
    encoder_ffn_dim=24,
    decoder_ffn_dim=24,
    max_position_embeddings=32,
    decoder_start_token_id=2,
    forced_eos_token_id=None,
)
MODELS = {
    "GPT2": ("GPT2LMHeadModel", "GPT2Config", GPT2),
    "Llama": ("LlamaForCausalLM", "LlamaConfig", HALF | dict(max_position_embeddings=32)),
    "T5": ("T5ForConditionalGeneration", "T5Config", T5),
    "BART": ("BartForConditionalGeneration", "BartConfig", BART),
}
START = {"T5": 0, "BART": 2}
PAD = 1
PROMPTS = [[5, 3, 9, 4], [7, 8, 3, 5], [10, 6, 12, 11], [3, 13, 4, 4]]
STEPS, ENDS = 7, {"GPT2": (10, 4), "Llama": (6, 11), "T5": (5, 3), "BART": (0, 3)}
RULES = {
    "penalty": dict(width=3, length_penalty=1.0),
    "never": dict(width=3, length_penalty=2.0, early_stopping="never"),
    "early": dict(width=4, length_penalty=-0.5, early_stopping=True, n=2),
    "default": dict(width=3),
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Return a function from a name to (transformers' model, ours from its folder)."""
    made = {}

    def make(name):
        if name not in made:
            head, config, options = MODELS[name]
            ids = dict(vocab_size=14, pad_token_id=PAD, eos_token_id=None, bos_token_id=2)
            torch.manual_seed(3)
            model = getattr(transformers, head)(getattr(transformers, config)(**ids, **options))
            with torch.no_grad():
                for parameter in model.eval().parameters():
                    parameter += 0.5 * torch.randn(parameter.shape)
            folder = tmp_path_factory.mktemp(name)
            model.save_pretrained(folder)
            made[name] = model, build_transformer_model(str(folder))
        return made[name]

    return make


def both(pair, name, strategy, constraints=(), least=0, **options):
    """Return what transformers and kerasx generate; both may not generate padding."""
    model, ours = pair(name)
    options |= {"max_new_tokens": STEPS, "min_new_tokens": least, "suppress_tokens": [PAD]}
    expected = generated(model, PROMPTS, ENDS[name], pad_token_id=PAD, **options)
    found = Generator(
        ours,
        strategy,
        end_id=ENDS[name],
        max_new_tokens=STEPS,
        min_new_tokens=least,
        start_id=START.get(name),
        constraints=[*constraints, NoEndBefore([PAD], STEPS)],
    )(PROMPTS)
    return expected, found


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", MODELS)
def test_beams_and_their_scores_are_those_of_transformers(name, rule, pair):
    rules = RULES[rule]
    options = {k: v for k, v in rules.items() if k not in ("width", "n")}
    n = rules.get("n", rules["width"])
    options |= dict(num_beams=rules["width"], n=n)
    options.setdefault("length_penalty", 0.0)
    (sequences, scores), found = both(pair, name, BeamSearch(**rules), **options)
    assert found.sequences == sequences
    np.testing.assert_allclose(found.scores, scores, atol=1e-4)
    assert any(len(x) < STEPS for rows in sequences for x in rows)


@pytest.mark.parametrize("name", MODELS)
def test_greedy_tokens_with_two_ends_and_a_least_length(name, pair):
    (sequences, _), found = both(pair, name, Greedy(), least=2)
    assert found.sequences == sequences
    assert min(len(rows[0]) for rows in sequences) >= 2


@pytest.mark.parametrize("width", [1, 3])
def test_penalties_in_generation_are_those_of_transformers(width, pair):
    name = "GPT2" if width == 1 else "T5"
    strategy = Greedy() if width == 1 else BeamSearch(width)
    options = dict(num_beams=width, length_penalty=0.0) if width > 1 else {}
    options |= dict(repetition_penalty=1.4, no_repeat_ngram_size=2, n=width)
    constraints = [RepetitionPenalty(1.4), NoRepeatNgrams(2)]
    (sequences, _), found = both(pair, name, strategy, constraints, **options)
    assert found.sequences == sequences


def logits(rows=6, v=40, seed=0):
    return np.random.default_rng(seed).normal(0, 2, (rows, v)).astype("float32")


WARPERS = {
    "temperature": (sampling.temperature, theirs.TemperatureLogitsWarper, (0.3, 1.7)),
    "top_k": (sampling.top_k, theirs.TopKLogitsWarper, (1, 5, 100)),
    "top_p": (sampling.top_p, theirs.TopPLogitsWarper, (0.01, 0.5, 0.9, 1.0)),
    "min_p": (sampling.min_p, theirs.MinPLogitsWarper, (0.02, 0.3, 1.0)),
    "typical_p": (sampling.typical_p, theirs.TypicalLogitsWarper, (0.1, 0.5, 0.9)),
}


@pytest.mark.parametrize("name", WARPERS)
def test_filters_keep_what_transformers_keeps(name):
    ours, warper, values = WARPERS[name]
    x = logits()
    for value in values:
        expected = warper(value)(None, torch.tensor(x)).numpy()
        found = ops.convert_to_numpy(ours(ops.convert_to_tensor(x), value))
        expected = np.where(np.isinf(expected), NEVER, expected)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def after(constraint, prompts, tokens, x):
    """Return logits (b, v) as a constraint changes them after prompts and tokens (b, t)."""
    tables, state = constraint.start(prompts, x.shape[-1], tokens.shape[1] + 3)
    tables, state = (
        keras.tree.map_structure(lambda a: ops.convert_to_tensor(a), s) for s in (tables, state)
    )
    state = keras.tree.map_structure(lambda a: a[:, None], state)
    for t, now in enumerate(tokens.T):
        state = constraint.advance(tables, state, ops.convert_to_tensor(now[:, None]), t)
    found = constraint.apply(tables, state, ops.convert_to_tensor(x[:, None]), tokens.shape[1])
    return ops.convert_to_numpy(found)[:, 0]


@pytest.mark.parametrize("value", [0.7, 1.3])
def test_the_repetition_penalty_is_that_of_transformers(value):
    x, tokens = logits(4, 14), np.random.default_rng(1).integers(0, 14, (4, 5), "int32")
    text = torch.tensor(np.concatenate([PROMPTS, tokens], axis=1))
    expected = theirs.RepetitionPenaltyLogitsProcessor(value)(text, torch.tensor(x))
    found = after(RepetitionPenalty(value), PROMPTS, tokens, x)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3, 12])
def test_banned_ngrams_are_those_of_transformers(n):
    x, tokens = logits(4, 14), np.random.default_rng(1).integers(3, 6, (4, 9), "int32")
    text = torch.tensor(np.concatenate([PROMPTS, tokens], axis=1))
    expected = theirs.NoRepeatNGramLogitsProcessor(n)(text, torch.tensor(x)).numpy()
    found = after(NoRepeatNgrams(n), PROMPTS, tokens, x)
    assert np.array_equal(found == NEVER, np.isinf(expected))
    assert n > 3 or np.isinf(expected).any()
