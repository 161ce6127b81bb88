"""The endpoints give the outputs that the model has for each text alone."""

import json

import keras
import numpy as np
import pytest
from fastapi.testclient import TestClient

from kerasx.generation import BeamSearch, Generator, Greedy, Sampling
from kerasx.models import Artefact, build_transformer_model, load_model
from kerasx.serve import create_app
from tests.serve.conftest import LIMITS
from tests.serve.models import SIZES, save_classifier, save_encoder, save_generator, tokenizer

WORDS = tokenizer()
CLS, SEP = WORDS.start_id, WORDS.end_id
TURNS = ["你好吗", "我很好", "去吃饭"]
STRATEGIES = {
    "greedy": (Greedy(), dict(strategy="greedy")),
    "beam": (BeamSearch(2), dict(strategy="beam", width=2, n=2)),
    "sampling": (
        Sampling(2, 0.7, 4, 0.9, seed=5),
        dict(strategy="sampling", n=2, temperature=0.7, top_k=4, top_p=0.9, seed=5),
    ),
}


def ids(text):
    return [WORDS.token_dict[character] for character in text]


def client_of(folder, **options):
    return TestClient(create_app(folder, **LIMITS, **options), "http://localhost")


def outputs(generate, *prompt):
    """Return the answer that the server should give."""
    found = generate(*prompt)
    (sequences,), (scores,) = found.sequences, found.scores
    return [WORDS.decode(x) for x in sequences], scores


def assert_answers(response, expected):
    assert response.status_code == 200, response.text
    found = response.json()["outputs"]
    assert [x["text"] for x in found] == expected[0]
    np.testing.assert_allclose([x["score"] for x in found], expected[1], atol=1e-4)


def events(response):
    assert response.headers["content-type"].startswith("text/event-stream")
    *blocks, last = response.text.split("\n\n")
    assert last == ""
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


@pytest.mark.parametrize("name", STRATEGIES)
def test_turns_are_answered_in_alternating_segments(name, client, folder):
    strategy, settings = STRATEGIES[name]
    prompt = [CLS] + [i for turn in TURNS for i in [*ids(turn), SEP]]
    segments = [0] * 5 + [1] * 4 + [0] * 4
    generate = Generator(load_model(folder).model, strategy, SEP, 8, segment_id=1)
    expected = outputs(generate, [prompt], [segments])
    response = client.post("/generate", json={"turns": TURNS, **settings})
    assert_answers(response, expected)
    assert settings.items() <= response.json()["settings"].items()


def test_a_language_model_continues_a_text(client, folder):
    generate = Generator(load_model(folder).model, Greedy(), SEP, 8)
    response = client.post("/generate", json={"text": "今天天气"})
    assert_answers(response, outputs(generate, [[CLS, *ids("今天天气")]]))


def test_the_first_turns_give_way_to_the_last(client):
    few = client.post("/generate", json={"turns": TURNS[1:]}).json()
    many = client.post("/generate", json={"turns": ["书" * 35, *TURNS[1:]]}).json()
    assert few == many


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_stream_ends_with_the_answer_it_has_approached(name, client):
    request = {"turns": TURNS, **STRATEGIES[name][1]}
    *parts, last = events(client.post("/generate", json={**request, "stream": True}))
    assert last == client.post("/generate", json=request).json()
    texts = [part["text"] for part in parts]
    assert name == "beam" or texts[-1] == last["outputs"][0]["text"]
    assert all(b.startswith(a) for a, b in zip(texts, texts[1:]))
    assert bool(texts) == (name != "beam")


def test_sampling_without_a_seed_says_which_one_repeats_it(client):
    request = {"turns": TURNS, "strategy": "sampling", "n": 2}
    drawn = [client.post("/generate", json=request).json() for _ in range(4)]
    assert len({x["settings"]["seed"] for x in drawn}) == 4
    seed = drawn[0]["settings"]["seed"]
    assert client.post("/generate", json={**request, "seed": seed}).json() == drawn[0]


def test_a_unified_model_answers_a_text(tmp_path):
    client = client_of(save_generator(tmp_path, "unilm"))
    health = client.get("/health").json()
    assert health["endpoints"] == ["/generate"] and not health["dialogue"]
    generate = Generator(load_model(tmp_path).model, Greedy(), SEP, 8)
    response = client.post("/generate", json={"text": "今天天气"})
    assert_answers(response, outputs(generate, [[CLS, *ids("今天天气"), SEP]]))
    refused = client.post("/generate", json={"turns": TURNS})
    assert refused.status_code == 422 and refused.json()["details"][0]["field"] == "turns"


@pytest.mark.parametrize("model, start", [("t5.1.1", CLS), ("bart", SEP)])
def test_an_encoder_decoder_answers_a_text_and_its_encoder_embeds(model, start, tmp_path):
    sizes = {name: SIZES[name] for name in SIZES if model == "bart" or name != "max_position"}
    options = dict(model=model, with_lm="linear", vocab_size=WORDS.vocab_size, **sizes)
    builder = build_transformer_model(return_keras_model=False, **options)
    client = client_of(Artefact(builder.model, WORDS, None, builder))
    assert client.get("/health").json()["endpoints"] == ["/generate", "/embed"]
    prompt = [CLS, *ids("今天天气"), SEP]
    generate = Generator(builder.model, Greedy(), SEP, 8, start_id=start)
    assert_answers(client.post("/generate", json={"text": "今天天气"}), outputs(generate, [prompt]))
    vectors = keras.ops.convert_to_numpy(builder.encoder(np.array([prompt])))
    found = client.post("/embed", json={"texts": ["今天天气"]}).json()["vectors"]
    np.testing.assert_allclose(found, vectors.mean(axis=1), atol=1e-5)


def of_each(model, texts):
    """Return the model's output for each text without padding."""
    for text in texts:
        prompt = np.array([[CLS, *ids(text), SEP]])
        yield keras.ops.convert_to_numpy(model([prompt, np.zeros_like(prompt)], training=False))[0]


def test_classes_have_the_scores_of_the_model(tmp_path):
    client = client_of(save_classifier(tmp_path))
    assert client.get("/health").json()["endpoints"] == ["/classify"]
    results = client.post("/classify", json={"texts": TURNS}).json()["results"]
    for result, scores in zip(results, of_each(load_model(tmp_path).model, TURNS), strict=True):
        assert list(result["scores"]) == ["差", "好"]
        np.testing.assert_allclose(list(result["scores"].values()), scores, atol=1e-5)
        assert result["label"] == ["差", "好"][scores.argmax()]


def test_vectors_are_pooled_over_the_tokens_of_each_text(tmp_path):
    client = client_of(save_encoder(tmp_path))
    expected = list(of_each(load_model(tmp_path).model, TURNS))
    for pooling, pool in {"mean": lambda x: x.mean(axis=0), "first": lambda x: x[0]}.items():
        response = client.post("/embed", json={"texts": TURNS, "pooling": pooling})
        found = response.json()["vectors"]
        np.testing.assert_allclose(found, [pool(x) for x in expected], atol=1e-5)


@pytest.mark.parametrize(
    "field, body",
    [
        ("text", {}),
        ("text", {"text": "你", "turns": ["你"]}),
        ("text", {"text": "书" * 40}),
        ("text", {"text": 5}),
        ("turns", {"turns": []}),
        ("turns", {"turns": ["你", "书" * 60]}),
        ("turns.0", {"turns": [None]}),
        ("temperature", {"text": "你", "strategy": "sampling", "temperature": 0}),
        ("top_p", {"text": "你", "strategy": "sampling", "top_p": 2}),
        ("n", {"text": "你", "strategy": "beam", "n": 3}),
        ("max_new_tokens", {"text": "你", "max_new_tokens": 9}),
        ("strategy", {"text": "你", "strategy": "magic"}),
        ("strange", {"text": "你", "strange": 1}),
        ("body", []),
    ],
)
def test_what_cannot_be_answered_is_named(field, body, client):
    response = client.post("/generate", json=body)
    assert response.status_code == 422
    (detail,) = response.json()["details"]
    assert detail["field"] == field and detail["message"]


@pytest.mark.parametrize(
    "field, texts", [("texts", []), ("texts", ["你"] * 17), ("texts.1", ["你", "书" * 60])]
)
def test_too_many_texts_or_tokens_are_named(field, texts, tmp_path):
    response = client_of(save_classifier(tmp_path)).post("/classify", json={"texts": texts})
    assert response.status_code == 422
    assert [detail["field"] for detail in response.json()["details"]] == [field]


@pytest.mark.parametrize("body", [b"[" * 4000, b"9" * 4000, b"\xff", b"{", b"", b"[NaN]"])
def test_what_is_no_json_is_invalid(body, client):
    response = client.post("/generate", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 422 and response.json()["error"]


def test_a_model_needs_its_tokenizer_and_a_folder_must_be_one():
    model = build_transformer_model(vocab_size=9, **SIZES)
    with pytest.raises(ValueError, match="tokenizer"):
        create_app(Artefact(model))
    with pytest.raises(ValueError, match="save_model"):
        create_app("/nowhere")
