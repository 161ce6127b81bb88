"""Folders as transformers writes them are served by what their models are for."""

import json

import numpy as np
import pytest
import torch
import transformers
from fastapi.testclient import TestClient

from kerasx.serve import create_app
from kerasx.tokenizers import character_vocab, save_vocab
from tests.generation.folders import HALF, TEXTS, save_folder

pytestmark = pytest.mark.once

LIMITS = dict(max_new_tokens=8, max_alternatives=2, max_prompt=60)


def client_of(folder):
    return TestClient(create_app(folder, **LIMITS), "http://localhost")


def save_bert(folder, head, **config):
    """Write a folder of BERT with a head, and return the model of transformers."""
    vocabulary = character_vocab(TEXTS)
    save_vocab(folder / "vocab.txt", vocabulary)
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    torch.manual_seed(1)
    config = transformers.BertConfig(vocab_size=len(vocabulary), **HALF, **config)
    model = getattr(transformers, head)(config).eval()
    model.save_pretrained(folder)
    return model


def inputs(folder, text):
    return transformers.AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")


@pytest.mark.parametrize("head", ["BertModel", "BertForMaskedLM", "BertForPreTraining"])
def test_an_encoder_embeds_whatever_it_was_trained_with(head, tmp_path):
    model = save_bert(tmp_path, head)
    encoder = getattr(model, "bert", model)
    client = client_of(tmp_path)
    assert client.get("/health").json()["endpoints"] == ["/embed"]
    found = client.post("/embed", json={"texts": ["你好", "天气"]}).json()["vectors"]
    for text, vector in zip(["你好", "天气"], found):
        with torch.no_grad():
            expected = encoder(**inputs(tmp_path, text))[0][0].mean(dim=0).numpy()
        np.testing.assert_allclose(vector, expected, atol=1e-5)


POOLS = {
    "cls_token": lambda x: x[0],
    "max_tokens": lambda x: x.max(0),
    "mean_tokens": lambda x: x.mean(0),
    "mean_sqrt_len_tokens": lambda x: x.sum(0) / np.sqrt(len(x)),
    "weightedmean_tokens": lambda x: np.average(x, axis=0, weights=np.arange(1, len(x) + 1)),
    "lasttoken": lambda x: x[-1],
}


def save_modules(folder, kinds, modes=()):
    """Write modules.json with modules of these kinds, and a pooling by these modes."""
    modules = [
        {"idx": i, "name": str(i), "path": f"{i}_{kind}", "type": f"sentence_transformers.{kind}"}
        for i, kind in enumerate(["Transformer", *kinds])
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    config = {f"pooling_mode_{mode}": mode in modes for mode in POOLS}
    text = json.dumps({"word_embedding_dimension": 8, **config})
    (folder / "1_Pooling" / "config.json").write_text(text)


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("modes", [[mode] for mode in POOLS] + [["cls_token", "mean_tokens"]])
def test_a_sentence_encoder_pools_as_its_folder_says(modes, normalized, tmp_path):
    model = save_bert(tmp_path, "BertModel")
    save_modules(tmp_path, ["Pooling", "Normalize"] if normalized else ["Pooling"], modes)
    with torch.no_grad():
        hidden = model(**inputs(tmp_path, "今天天气"))[0][0].numpy()
    expected = np.concatenate([POOLS[mode](hidden) for mode in modes])
    if normalized:
        expected /= np.linalg.norm(expected)
    client = client_of(tmp_path)
    (found,) = client.post("/embed", json={"texts": ["今天天气"]}).json()["vectors"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    body = {"model": tmp_path.name, "input": "今天天气"}
    found = client.post("/v1/embeddings", json=body).json()["data"][0]["embedding"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("kinds, modes", [(["Pooling", "Dense"], ["cls_token"]), (["Pooling"], [])])
def test_a_sentence_encoder_with_other_steps_is_refused(kinds, modes, tmp_path):
    save_bert(tmp_path, "BertModel")
    save_modules(tmp_path, kinds, modes)
    with pytest.raises(ValueError, match="must (list steps|ask for a pooling)"):
        client_of(tmp_path)


@pytest.mark.parametrize("text", ["", '{"a": 1}', "5", '[{"type": "a.Transformer"}]', "[[]]"])
def test_a_list_of_steps_that_is_none_is_refused(text, tmp_path):
    save_bert(tmp_path, "BertModel")
    (tmp_path / "modules.json").write_text(text)
    with pytest.raises(ValueError, match="must be a list of steps"):
        client_of(tmp_path)


def test_a_classifier_classifies_with_its_labels(tmp_path):
    labels = {0: "差", 1: "好", 2: "中"}
    model = save_bert(tmp_path, "BertForSequenceClassification", id2label=labels, num_labels=3)
    client = client_of(tmp_path)
    assert client.get("/health").json()["endpoints"] == ["/classify"]
    (result,) = client.post("/classify", json={"texts": ["今天天气很好"]}).json()["results"]
    with torch.no_grad():
        (expected,) = model(**inputs(tmp_path, "今天天气很好")).logits.numpy()
    assert list(result["scores"]) == ["差", "好", "中"]
    np.testing.assert_allclose(list(result["scores"].values()), expected, atol=1e-5)
    assert result["label"] == labels[int(expected.argmax())]


def test_an_encoder_decoder_answers_and_embeds(tmp_path):
    client = client_of(save_folder(tmp_path, "t5"))
    assert client.get("/health").json()["endpoints"] == ["/generate", "/embed"]
    answer = client.post("/generate", json={"text": TEXTS[0]}).json()
    model = transformers.T5ForConditionalGeneration.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        ids = model.generate(**inputs(tmp_path, TEXTS[0]), max_new_tokens=8)[0]
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert answer["outputs"][0]["text"] == tokenizer.decode(ids, skip_special_tokens=True)


@pytest.mark.parametrize("family, head", [("gpt2", "GPT2Model"), ("t5", "T5Model")])
def test_a_model_without_scores_embeds(family, head, tmp_path):
    folder = save_folder(tmp_path, family)
    model = getattr(transformers, head).from_pretrained(folder).eval()
    model.save_pretrained(folder)
    client = client_of(folder)
    assert client.get("/health").json()["endpoints"] == ["/embed"]
    (vector,) = client.post("/embed", json={"texts": ["你好"]}).json()["vectors"]
    with torch.no_grad():
        expected = getattr(model, "encoder", model)(inputs(folder, "你好")["input_ids"])[0]
    np.testing.assert_allclose(vector, expected[0].mean(dim=0), atol=1e-4)


def test_turns_are_written_by_the_chat_template(tmp_path):
    client = client_of(save_folder(tmp_path, "qwen2", repetition_penalty=1.3))
    assert client.get("/health").json()["dialogue"]
    turns = ["你好", "很好", "吃饭吧"]
    found = client.post("/generate", json={"turns": turns}).json()["outputs"][0]["text"]
    roles = ["user", "assistant", "user"]
    messages = [{"role": role, "content": turn} for role, turn in zip(roles, turns)]
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    model = transformers.Qwen2ForCausalLM.from_pretrained(tmp_path).eval()
    options = dict(add_generation_prompt=True, return_tensors="pt", return_dict=True)
    prompt = tokenizer.apply_chat_template(messages, **options)
    with torch.no_grad():
        ids = model.generate(**prompt, max_new_tokens=8)[0, prompt["input_ids"].shape[1] :]
    assert found == tokenizer.decode(ids, skip_special_tokens=True)
    long = client.post("/generate", json={"turns": ["书" * 30, "好", *turns]}).json()["outputs"]
    assert long[0]["text"] == found, "the first turns give way"
    refused = client.post("/generate", json={"turns": ["书" * 40]})
    assert refused.status_code == 422 and refused.json()["details"][0]["field"] == "turns"


def test_a_stream_never_holds_half_a_character(tmp_path):
    """The model writes bytes; what is shown is only ever added to."""
    client = client_of(save_folder(tmp_path, "qwen2"))
    request = {"text": "😀", "strategy": "sampling", "temperature": 1.5, "stream": True}
    for seed in range(3):
        response = client.post("/generate", json={**request, "seed": seed})
        events = [json.loads(x.removeprefix("data: ")) for x in response.text.split("\n\n")[:-1]]
        texts = [x["text"] for x in events[:-1]] + [events[-1]["outputs"][0]["text"]]
        assert all(b.startswith(a) for a, b in zip(texts, texts[1:]))
        assert len(events) > 1
