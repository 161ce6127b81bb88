"""A folder's `generation_config.json` decides ids, strategy, penalties and lengths."""

import json
import logging

import numpy as np
import pytest

from kerasx.generation import (
    BannedWords,
    BeamSearch,
    ContrastiveSearch,
    Generator,
    Greedy,
    NoRepeatNgrams,
    RepetitionPenalty,
    Sampling,
)
from kerasx.generation.constraints.constraint import NoEndBefore
from kerasx.generation.constraints.forced_tokens import ForcedTokens
from kerasx.generation.generation_config import generator_arguments, read_generation_config
from tests.generation.models import tiny_model

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def model():
    """Return a language model of 11 tokens that reaches 24."""
    return tiny_model(pad_id=None)


def arguments(model, **config):
    return generator_arguments(config, model)


def test_without_settings_it_is_greedy_to_twenty_tokens(model):
    found = generator_arguments({}, model)
    assert isinstance(found["strategy"], Greedy) and found["constraints"] == []
    assert (found["start_id"], found["min_new_tokens"]) == (None, 0) and "end_id" not in found
    assert (found["max_new_tokens"], found["max_length"]) == (20, 24)
    generate = Generator(model, **found)
    assert [len(generate([[3] * n]).best[0]) for n in (1, 10)] == [20, 14]


def test_ids_are_taken_from_it_as_far_as_the_model_has_them(model):
    found = arguments(model, eos_token_id=[2, 3, 50256], pad_token_id=50256, bos_token_id=1)
    assert found["end_id"] == [2, 3] and "pad_id" not in found
    assert arguments(model, eos_token_id=2, pad_token_id=0)["pad_id"] == 0
    assert arguments(model, eos_token_id=[])["end_id"] == []
    assert arguments(model, eos_token_id=np.int64(2))["end_id"] == [2]


@pytest.mark.parametrize(
    "config",
    [{"eos_token_id": "2"}, {"eos_token_id": [2, "3"]}, {"pad_token_id": "0"}, {"num_beams": "4"}],
)
def test_numbers_that_are_text_are_refused(model, config):
    with pytest.raises(ValueError, match=f"`{next(iter(config))}` must be an integer"):
        arguments(model, **config)


@pytest.mark.parametrize(
    "config",
    [
        {"num_beams": 0},
        {"num_beams": True},
        {"num_return_sequences": -1},
        {"no_repeat_ngram_size": -1},
        {"min_new_tokens": -3},
        {"do_sample": "yes"},
    ],
)
def test_values_out_of_range_are_refused(model, config):
    with pytest.raises(ValueError, match=f"`{next(iter(config))}` must be"):
        arguments(model, **config)


@pytest.mark.parametrize(
    "config, kind, attributes",
    [
        ({"temperature": 0.2}, Greedy, {"width": 1}),
        ({"do_sample": True}, Sampling, {"temperature": 1.0, "top_k": 50, "top_p": None}),
        (
            {"do_sample": True, "temperature": 0.6, "top_k": 0, "top_p": 0.95, "min_p": 0.1},
            Sampling,
            {"temperature": 0.6, "top_k": None, "top_p": 0.95, "min_p": 0.1, "typical_p": None},
        ),
        ({"do_sample": True, "num_return_sequences": 3}, Sampling, {"width": 3}),
        (
            {"num_beams": 4, "length_penalty": 2.0, "early_stopping": True},
            BeamSearch,
            {"width": 4, "length_penalty": 2.0, "early_stopping": True, "n": 1},
        ),
        ({"num_beams": 4}, BeamSearch, {"length_penalty": 1.0, "early_stopping": False}),
        (
            {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5},
            BeamSearch,
            {"groups": 2, "diversity": 0.5},
        ),
        ({"penalty_alpha": 0.6, "top_k": 4}, ContrastiveSearch, {"width": 4, "alpha": 0.6}),
    ],
)
def test_the_strategy_is_that_of_transformers(model, config, kind, attributes):
    strategy = arguments(model, **config)["strategy"]
    assert type(strategy) is kind
    assert {name: getattr(strategy, name) for name in attributes} == attributes


def test_penalties_and_bans_are_constraints_in_the_order_of_transformers(model):
    found = arguments(
        model,
        eos_token_id=2,
        repetition_penalty=1.2,
        no_repeat_ngram_size=3,
        bad_words_ids=[[5, 6], [2]],
        suppress_tokens=[7],
        min_length=5,
        begin_suppress_tokens=[4],
        forced_bos_token_id=3,
        forced_eos_token_id=2,
    )["constraints"]
    kinds = [RepetitionPenalty, NoRepeatNgrams, BannedWords, NoEndBefore, NoEndBefore, ForcedTokens]
    assert [type(one) for one in found] == kinds
    assert found[2].sequences == [(5, 6), (7,)], "an end is no bad word"
    assert (found[3].length, found[4].end_ids, found[4].least) == (5, [4], 2)


def test_the_least_number_of_new_tokens_comes_before_the_least_length(model):
    ends = dict(eos_token_id=2, min_length=5)
    assert len(arguments(model, **ends)["constraints"]) == 1
    found = arguments(model, **ends, min_new_tokens=0, suppress_tokens=[99])
    assert (found["constraints"], found["min_new_tokens"]) == ([], 0)


def test_lengths_are_those_of_new_tokens_or_of_all(model):
    assert arguments(model, max_new_tokens=7, max_length=9)["max_new_tokens"] == 7
    found = arguments(model, max_length=9)
    assert len(Generator(model, **found)([[3] * 4]).best[0]) == 5
    found = generator_arguments({"max_new_tokens": 7}, model, max_length=9)
    assert len(Generator(model, **found)([[3] * 4]).best[0]) == 5


def test_settings_override_the_folder_and_none_takes_one_away(model):
    config = {"do_sample": True, "repetition_penalty": 1.5, "guidance_scale": 2.0}
    found = generator_arguments(config, model, do_sample=False, guidance_scale=None)
    assert isinstance(found["strategy"], Greedy)
    assert [one.penalty for one in found["constraints"]] == [1.5]


@pytest.mark.parametrize(
    "config, named",
    [
        ({"guidance_scale": 1.5}, "guidance_scale=None"),
        ({"stop_strings": ["."], "epsilon_cutoff": 3e-4}, "epsilon_cutoff=None, stop_strings=None"),
        ({"do_sample": True, "num_beams": 4}, "do_sample=False, or num_beams=1"),
        ({"do_sample": True, "temperature": "hot"}, "temperature"),
        ({"repetition_penalty": -1}, "penalty"),
    ],
)
def test_what_would_change_the_text_and_is_not_built_is_an_error(model, config, named):
    with pytest.raises(ValueError, match=named):
        generator_arguments(config, model)


def test_harmless_and_neutral_settings_are_nothing(model, caplog):
    config = {"guidance_scale": 1, "renormalize_logits": False, "encoder_repetition_penalty": 1.0}
    config |= {"use_cache": True, "transformers_version": "4.38.0", "output_scores": False}
    with caplog.at_level(logging.WARNING):
        generator_arguments(config, model)
    assert not caplog.records


def test_unknown_settings_are_listed_in_one_line(model, caplog):
    with caplog.at_level(logging.WARNING):
        arguments(model, chat_format="chatml", max_window_size=24000)
    (record,) = caplog.records
    assert record.getMessage().endswith("passed over: chat_format, max_window_size")
    with pytest.raises(ValueError, match="did you mean temperature"):
        generator_arguments({}, model, temperatur=0.5)


def test_the_file_is_read_or_an_older_config(tmp_path):
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "gpt2", "eos_token_id": 5, "num_beams": 3, "pad_token_id": None})
    )
    assert read_generation_config(tmp_path) == {"eos_token_id": 5, "num_beams": 3}
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [6, 7]}))
    assert read_generation_config(str(tmp_path)) == {"eos_token_id": [6, 7]}
    (tmp_path / "generation_config.json").write_text("{}")
    assert read_generation_config(tmp_path) == {"eos_token_id": []}, "no end, whatever ends a text"
    (tmp_path / "generation_config.json").write_text("[]")
    with pytest.raises(ValueError, match="generation_config.json"):
        read_generation_config(tmp_path)
