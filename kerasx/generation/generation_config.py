"""Read the ids and settings with which a folder of Hugging Face wants to be decoded."""

import difflib
import logging
import os

from kerasx.checkpoints import read_config
from kerasx.checks import check_integer, invalid
from kerasx.generation.constraints.banned_words import BannedWords
from kerasx.generation.constraints.constraint import NoEndBefore
from kerasx.generation.constraints.forced_tokens import ForcedTokens
from kerasx.generation.constraints.repetition import NoRepeatNgrams, RepetitionPenalty
from kerasx.generation.strategies.beam_search import BeamSearch
from kerasx.generation.strategies.contrastive_search import ContrastiveSearch
from kerasx.generation.strategies.greedy import Greedy
from kerasx.generation.strategies.sampling import Sampling
from kerasx.layers.inputs import embedding_of, roles_of
from kerasx.models.reach import position_limit
from kerasx.models.values import checked_flag

_FILE = "generation_config.json"
# what transformers' `generate` takes where a folder says nothing
SETTINGS = {
    "do_sample": False,
    "num_beams": 1,
    "num_beam_groups": 1,
    "diversity_penalty": 0.0,
    "length_penalty": 1.0,
    "early_stopping": False,
    "num_return_sequences": 1,
    "penalty_alpha": 0.0,
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "min_p": None,
    "typical_p": 1.0,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "bad_words_ids": None,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
    "max_length": None,
    "max_new_tokens": None,
    "min_length": 0,
    "min_new_tokens": None,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
    "decoder_start_token_id": None,
}
# the least values of settings that are numbers of things
_COUNTS = {
    "num_beams": 1,
    "num_beam_groups": 1,
    "num_return_sequences": 1,
    "no_repeat_ngram_size": 0,
    "min_length": 0,
    "min_new_tokens": 0,
}
_NEW_TOKENS = 20  # if neither length is given
# what changes the text and is not built, with the values that change nothing
_MISSING = {
    "constraints": (),
    "dola_layers": (),
    "encoder_no_repeat_ngram_size": (0,),
    "encoder_repetition_penalty": (1,),
    "epsilon_cutoff": (0,),
    "eta_cutoff": (0,),
    "exponential_decay_length_penalty": (),
    "force_words_ids": (),
    "guidance_scale": (1,),
    "max_time": (),
    "renormalize_logits": (False,),
    "sequence_bias": (),
    "stop_strings": (),
    "token_healing": (False,),
    "top_h": (),
    "watermarking_config": (),
}
# what changes the speed or the kind of the return value
_HARMLESS = frozenset(
    """_commit_hash _from_model_config assistant_confidence_threshold assistant_early_exit
    assistant_ensemble_weight assistant_lookbehind cache_config cache_implementation compile_config
    continuous_batching_config disable_compile is_assistant low_memory max_cache_len
    max_matching_ngram_size num_assistant_tokens num_assistant_tokens_schedule output_attentions
    output_hidden_states output_logits output_scores prefill_chunk_size prompt_lookup_num_tokens
    remove_invalid_values return_dict_in_generate return_legacy_cache speculation_type
    target_lookbehind transformers_version use_cache use_mtp""".split()
)


def read_generation_config(folder):
    """Return the settings of generation_config.json, without those that are null.

    A folder without that file has them in its config.json, as older ones do. The file says that
    there is no end token by leaving it out; an older config.json may just not say it.

    Raises:
        ValueError: the file is no JSON object.
    """
    path = os.path.join(folder, _FILE)
    if os.path.isfile(path):
        config = {"eos_token_id": []} | read_config(path)
    else:
        known = {*SETTINGS, *_MISSING}
        config = {k: v for k, v in read_config(folder).items() if k in known}
    return {name: value for name, value in config.items() if value is not None}


def generator_arguments(config, model, **settings):
    """Return the arguments of a `Generator` that decodes as transformers' `generate` does.

    Args:
        config: the return value of `read_generation_config`.
        model: the keras.Model.
        settings: settings by the names of transformers, which override the configuration; None
            takes one away.

    Raises:
        ValueError: a setting is unknown, of a wrong type, or changes the text and is not built.
    """
    _check_names(settings)
    if "max_length" in settings and "max_new_tokens" not in settings:
        config = {k: v for k, v in config.items() if k != "max_new_tokens"}
    config = {k: v for k, v in {**config, **settings}.items() if v is not None}
    _check_built(config)
    says_end = "eos_token_id" in config
    config = {**SETTINGS, **config}
    for name, least in _COUNTS.items():
        if config[name] is not None:
            check_integer(name, config[name], least)
    config["do_sample"] = checked_flag("do_sample", config["do_sample"])
    ids = _Ids(config, model)
    return {
        **({"end_id": ids.end} if says_end else {}),
        "start_id": ids.start,
        "min_new_tokens": config["min_new_tokens"] or 0,
        "strategy": _strategy(config),
        "constraints": _constraints(config, ids),
        "keep_end": True,
        **({} if ids.pad is None else {"pad_id": ids.pad}),
        **_lengths(config, model),
    }


class _Ids:
    """The special tokens of a configuration; ids beyond the vocabulary are never generated."""

    def __init__(self, config, model):
        self.config, self.size = config, embedding_of(model, "token").input_dim
        self.end = self.known("eos_token_id")
        self.pad = next(iter(self.known("pad_token_id")), None)
        starts = [*self.known("decoder_start_token_id"), *self.known("bos_token_id")]
        self.start = starts[0] if starts and "source" in roles_of(model) else None

    def known(self, name):
        """Return the ids of a setting, one or several, that are in the vocabulary."""
        given = self.config[name]
        given = given if isinstance(given, (list, tuple)) else [given]
        ids = [check_integer(name, i) for i in given if i is not None]
        return [i for i in ids if 0 <= i < self.size]


def _check_names(settings):
    """Refuse settings that transformers does not have."""
    known = [*SETTINGS, *_MISSING, *_HARMLESS]
    for name in settings:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else "."
            expected = f"`{name}` must be an argument of Generator or of transformers' generate"
            raise invalid(expected + hint, **{name: settings[name]})


def _check_built(config):
    """Refuse settings that are not built; pass over unknown ones in one line of log."""
    missing = [k for k, harmless in _MISSING.items() if k in config and config[k] not in harmless]
    if missing:
        off = ", ".join(f"{name}=None" for name in missing)
        raise invalid(
            f"The generation configuration asks for what is not built. Pass {off} to generate "
            "without.",
            **{name: config[name] for name in missing},
        )
    unknown = sorted({*config} - {*SETTINGS, *_MISSING, *_HARMLESS})
    if unknown:
        logging.getLogger("kerasx").warning(
            "The generation configuration has keys that are passed over: %s", ", ".join(unknown)
        )


def _strategy(config):
    """Return the strategy that transformers would choose."""
    beams = config["num_beams"]
    samples = config["num_return_sequences"]
    if config["do_sample"] and beams > 1:
        raise invalid(
            "Beams that are sampled are not built: pass do_sample=False, or num_beams=1.",
            do_sample=True,
            num_beams=beams,
        )
    if config["do_sample"]:
        return Sampling(
            samples,
            temperature=config["temperature"],
            top_k=config["top_k"] or None,
            top_p=None if config["top_p"] == 1 else config["top_p"],
            min_p=config["min_p"] or None,
            typical_p=None if config["typical_p"] == 1 else config["typical_p"],
        )
    if beams > 1:
        return BeamSearch(
            beams,
            length_penalty=config["length_penalty"],
            early_stopping=config["early_stopping"],
            groups=config["num_beam_groups"],
            diversity=config["diversity_penalty"],
            n=samples,
        )
    if config["penalty_alpha"]:
        return ContrastiveSearch(config["top_k"], config["penalty_alpha"])
    return Greedy()


def _constraints(config, ids):
    """Return the constraints, in the order in which transformers applies them."""
    found, ends = [], ids.end
    if config["repetition_penalty"] != 1:
        found.append(RepetitionPenalty(config["repetition_penalty"]))
    if config["no_repeat_ngram_size"]:
        found.append(NoRepeatNgrams(config["no_repeat_ngram_size"]))
    banned = [word for word in config["bad_words_ids"] or () if word not in [[i] for i in ends]]
    banned += [[i] for i in ids.known("suppress_tokens")]
    if banned:
        found.append(BannedWords(banned))
    if config["min_length"] and ends and config["min_new_tokens"] is None:
        found.append(NoEndBefore(ends, length=config["min_length"]))
    first, last = config["forced_bos_token_id"], config["forced_eos_token_id"]
    if config["begin_suppress_tokens"]:
        found.append(NoEndBefore(config["begin_suppress_tokens"], 1 if first is None else 2))
    if first is not None or last is not None:
        found.append(ForcedTokens(first, last))
    return found


def _lengths(config, model):
    if config["max_new_tokens"] is not None:
        return {"max_new_tokens": config["max_new_tokens"]}
    if config["max_length"] is not None:
        return {"max_new_tokens": config["max_length"], "max_length": config["max_length"]}
    return {"max_new_tokens": _NEW_TOKENS, "max_length": position_limit(model)}
