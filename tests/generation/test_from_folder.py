"""A folder in is text out: what transformers generates and says, token for token."""

import random
import shutil

import pytest
import torch
import transformers

from kerasx.generation import BeamSearch, Generator, Greedy, Replier
from kerasx.models import load_model, save_model
from tests.generation.folders import FAMILIES, TEXTS, save_folder

pytestmark = pytest.mark.filterwarnings("ignore:Using the model-agnostic default")

PROMPTS = [TEXTS[0], "你好", "😀 3.5%"]
TALK = [
    {"role": "system", "content": "你是 assistant"},
    {"role": "user", "content": "你好，don't 😀"},
    {"role": "assistant", "content": "很好"},
    {"role": "user", "content": "吃饭?"},
]
# settings that change what is generated, by name
SETTINGS = {
    "plain": {},
    "penalties": dict(repetition_penalty=1.3, no_repeat_ngram_size=2, max_new_tokens=12),
    "beams": dict(num_beams=3, length_penalty=0.5, max_new_tokens=8, no_repeat_ngram_size=3),
    "lengths": dict(max_length=60, min_length=55),
    "forced": dict(forced_eos_token_id=5, bad_words_ids=[[6], [7, 8]], min_new_tokens=3),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Return a function from a family and settings to a folder."""
    made = {}

    def make(family, name="plain"):
        if (family, name) not in made:
            folder = tmp_path_factory.mktemp(f"{family}-{name}")
            made[family, name] = save_folder(folder, family, **SETTINGS[name])
        return made[family, name]

    return make


def theirs(folder, texts, **options):
    """Return the texts that transformers generates, each prompt alone."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = _model(folder)
    found = []
    for text in texts:
        inputs = tokenizer(text, return_tensors="pt")
        inputs = {k: v for k, v in inputs.items() if k in ("input_ids", "attention_mask")}
        found.append(_answer(tokenizer, model, inputs, **options))
    return found


def _model(folder):
    name = transformers.AutoConfig.from_pretrained(folder).architectures[0]
    return getattr(transformers, name).from_pretrained(folder).eval()


def _answer(tokenizer, model, inputs, **options):
    with torch.no_grad():
        (row,) = model.generate(**inputs, **options)
    start = 1 if model.config.is_encoder_decoder else inputs["input_ids"].shape[1]
    return tokenizer.decode(row[start:], skip_special_tokens=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_are_continued_as_transformers_does(family, folders):
    folder = folders(family)
    found = Generator.from_folder(folder)(PROMPTS)
    expected = theirs(folder, PROMPTS)
    if family == "bert":  # whose tokens kerasx joins more closely than transformers
        decode = transformers.AutoTokenizer.from_pretrained(folder).decode
        texts = [decode(ids, skip_special_tokens=True) for ids in found.best]
    else:
        texts = found.texts
    assert texts == expected and any(texts)


@pytest.mark.once
@pytest.mark.parametrize("name", [name for name in SETTINGS if name != "plain"])
@pytest.mark.parametrize("family", ["qwen2", "bart"])
def test_generation_config_json_is_obeyed(family, name, folders):
    folder = folders(family, name)
    prompts = PROMPTS[:2]
    found = [Generator.from_folder(str(folder))([prompt]).texts[0] for prompt in prompts]
    assert found == theirs(folder, prompts)
    assert found != Generator.from_folder(folders(family))(prompts).texts


@pytest.mark.once
def test_explicit_settings_override_the_folder(folders):
    folder = folders("qwen2", "beams")
    plain = theirs(folder, PROMPTS, num_beams=1, max_new_tokens=5)
    for settings in ({"num_beams": 1}, {"strategy": Greedy()}):
        generate = Generator.from_folder(folder, max_new_tokens=5, **settings)
        assert generate(PROMPTS).texts == plain
    assert isinstance(Generator.from_folder(folder).strategy, BeamSearch)
    with pytest.raises(ValueError, match="did you mean num_beams"):
        Generator.from_folder(folder, num_beam=1)


@pytest.mark.once
@pytest.mark.parametrize("family", ["qwen2", "qwen3", "llama"])
def test_a_conversation_goes_on_as_with_transformers(family, folders):
    folder = folders(family)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    options = dict(tokenize=True, return_dict=True, return_tensors="pt")
    inputs = tokenizer.apply_chat_template(TALK, add_generation_prompt=True, **options)
    expected = _answer(tokenizer, _model(folder), inputs, max_new_tokens=12)
    generate = Generator.from_folder(folder, max_new_tokens=12)
    assert generate.chat(TALK) == expected != ""
    turns = [message["content"] for message in TALK[1:]]
    asked = tokenizer.apply_chat_template(TALK[1:], add_generation_prompt=True, **options)
    expected = _answer(tokenizer, _model(folder), asked, max_new_tokens=12)
    assert Replier(generate)([turns]) == [expected]


@pytest.mark.once
def test_the_first_turns_of_a_dialogue_give_way(folders):
    generate = Generator.from_folder(folders("qwen2"), max_new_tokens=6)
    turns = [message["content"] for message in TALK[1:]]
    short = Replier(generate, maxlen=70)
    assert short([["你好" * 30, "好", *turns]]) == Replier(generate)([turns])
    with pytest.raises(ValueError, match="last turn must fit"):
        short([["你好" * 60]])


@pytest.mark.once
def test_messages_need_a_template(folders):
    with pytest.raises(ValueError, match="chat_template"):
        Generator.from_folder(folders("gpt2")).chat(TALK)


@pytest.mark.once
def test_a_folder_of_save_model_is_one_too(folders, tmp_path):
    generate = Generator.from_folder(folders("bert"))
    save_model(tmp_path, generate.graphs.model, generate.tokenizer)
    again = Generator.from_folder(tmp_path, max_new_tokens=4)
    saved = load_model(tmp_path)
    expected = Generator(saved.model, tokenizer=saved.tokenizer, max_new_tokens=4)
    assert again(["你好"]) == expected(["你好"])


@pytest.mark.once
@pytest.mark.once
@pytest.mark.parametrize("head", ["ForSequenceClassification", "ForTokenClassification", "Model"])
def test_a_model_without_scores_of_tokens_is_refused(head, folders, tmp_path):
    folder = shutil.copytree(folders("bert"), tmp_path / "bert")
    cls = getattr(transformers, f"Bert{head}")
    cls(transformers.BertConfig.from_pretrained(folder)).save_pretrained(folder)
    with pytest.raises(ValueError, match="must hold a language model.*cls/predictions"):
        Generator.from_folder(folder)


@pytest.mark.once
def test_what_is_no_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match="folder=None"):
        Generator.from_folder(None)
    for folder in ("/nowhere", tmp_path):
        with pytest.raises(ValueError, match="folder"):
            Generator.from_folder(folder)


def random_settings(rng):
    """Return settings of generation, each with a probability of 0.3."""
    ids = [rng.randrange(10, 50) for _ in range(4)]  # none of them forced
    possible = {
        "repetition_penalty": rng.choice([1.2, 0.8, 2.0]),
        "no_repeat_ngram_size": rng.choice([1, 2, 3]),
        "bad_words_ids": [ids[:1], ids[1:3]],
        "suppress_tokens": ids[3:],
        "begin_suppress_tokens": ids[:2],
        "min_new_tokens": rng.choice([1, 4]),
        "min_length": rng.choice([3, 30]),
        "num_beams": rng.choice([2, 3]),
        "length_penalty": rng.choice([0.0, 2.0, -1.0]),
        "early_stopping": rng.choice([True, False, "never"]),
        "forced_bos_token_id": rng.choice([5, 9]),
        "forced_eos_token_id": rng.choice([1, 2]),
        "eos_token_id": rng.sample(range(40), 12),
        "max_new_tokens": rng.choice([1, 5, 9]),
        "max_length": rng.choice([70, 80]),
    }
    found = {name: value for name, value in possible.items() if rng.random() < 0.3}
    alone = () if "num_beams" in found else ("length_penalty", "early_stopping")
    return {name: value for name, value in found.items() if name not in alone}


@pytest.mark.once
@pytest.mark.slow("a hundred folders")
@pytest.mark.parametrize("seed", range(100))
def test_random_settings_give_the_tokens_of_transformers(seed, tmp_path):
    rng = random.Random(seed)
    family, settings = rng.choice(list(FAMILIES)), random_settings(rng)
    folder = save_folder(tmp_path, family, seed=seed, **settings)
    text, model = rng.choice(PROMPTS), _model(folder)
    inputs = transformers.AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    inputs = {k: v for k, v in inputs.items() if k in ("input_ids", "attention_mask")}
    with torch.no_grad():
        (row,) = model.generate(**inputs)
    ids = row[1 if model.config.is_encoder_decoder else inputs["input_ids"].shape[1] :].tolist()
    end = model.generation_config.eos_token_id
    ends = end if isinstance(end, list) else [end]
    expected = ids[: next((i for i, x in enumerate(ids) if x in ends), None)]
    assert Generator.from_folder(folder)([text]).best == [expected]
