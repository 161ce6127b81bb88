"""OpenAI's client, as it comes, talks with a real server."""

import base64

import numpy as np
import openai
import pytest
import torch
import transformers

from kerasx.serve import create_app
from kerasx.tokenizers import load_tokenizer
from tests.generation.folders import save_folder
from tests.serve.conftest import running
from tests.serve.models import save_classifier, save_encoder, save_generator

pytestmark = pytest.mark.once

LIMITS = dict(max_new_tokens=24, max_alternatives=3, max_prompt=100, max_batch=4)
TALK = [
    {"role": "system", "content": "你是 assistant"},
    {"role": "user", "content": "你好，don't 😀"},
]


def served(folder):
    """Return a client of a server of a folder, until the end of the block."""
    return running(create_app(folder, **LIMITS), **LIMITS)


def client_of(address):
    return openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_folder(tmp_path_factory.mktemp("tiny-qwen"), "qwen2", seed=2)


@pytest.fixture(scope="module")
def name(folder):
    return folder.name


@pytest.fixture(scope="module")
def client(folder):
    with served(folder) as address:
        yield client_of(address)


@pytest.fixture(scope="module")
def embedder(tmp_path_factory):
    folder = save_encoder(tmp_path_factory.mktemp("encoder"))
    with served(folder) as address:
        yield client_of(address)


@pytest.fixture(scope="module")
def reference(folder):
    """Return functions from messages and from a text to (ids, text) by transformers."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.Qwen2ForCausalLM.from_pretrained(folder).eval()

    def complete(inputs, new):
        with torch.no_grad():
            out = model.generate(torch.tensor([inputs]), max_new_tokens=new, do_sample=False)
        ids = out[0, len(inputs) :].tolist()
        return inputs, ids, tokenizer.decode(ids, skip_special_tokens=True)

    def chat(messages, new):
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return complete(tokenizer(text)["input_ids"], new)

    def text(prompt, new):
        return complete(tokenizer(prompt)["input_ids"], new)

    chat.text = text
    return chat


def test_the_model_is_listed(client, name):
    (model,) = client.models.list().data
    assert (model.id, model.object) == (name, "model")
    assert client.models.retrieve(name).id == name
    with pytest.raises(openai.NotFoundError) as error:
        client.models.retrieve("gpt-4")
    assert error.value.body["type"] == "not_found_error"


def test_a_conversation_goes_on_as_with_transformers(client, name, reference):
    prompt, ids, text = reference(TALK, 12)
    answer = client.chat.completions.create(model=name, messages=TALK, max_tokens=12, temperature=0)
    assert answer.object == "chat.completion" and answer.model == name
    (choice,) = answer.choices
    assert (choice.message.role, choice.message.content) == ("assistant", text)
    assert choice.finish_reason == "length" and choice.index == 0
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (len(prompt), len(ids))
    assert usage.total_tokens == len(prompt) + len(ids)


def test_max_tokens_is_met_exactly(client, name, reference):
    for new in (1, 5, 13):
        for limit in ("max_tokens", "max_completion_tokens"):
            answer = client.chat.completions.create(
                model=name, messages=TALK, temperature=0, **{limit: new}
            )
            assert answer.choices[0].message.content == reference(TALK, new)[2]
            assert answer.usage.completion_tokens == new


def chunks_of(stream):
    """Return (texts by choice, finish reasons by choice, usage) of the chunks of a stream."""
    texts, reasons, usage = {}, {}, None
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            part = choice.delta.content if hasattr(choice, "delta") else choice.text
            texts[choice.index] = texts.get(choice.index, "") + (part or "")
            if choice.finish_reason:
                assert choice.index not in reasons
                reasons[choice.index] = choice.finish_reason
    return texts, reasons, usage


def test_a_stream_is_the_same_answer_in_parts(client, name):
    asked = dict(model=name, messages=TALK, max_tokens=10, temperature=0)
    whole = client.chat.completions.create(**asked)
    options = {"stream": True, "stream_options": {"include_usage": True}}
    texts, reasons, usage = chunks_of(client.chat.completions.create(**asked, **options))
    assert texts == {0: whole.choices[0].message.content} and reasons == {0: "length"}
    assert usage == whole.usage
    first = next(iter(client.chat.completions.create(**asked, stream=True)))
    assert first.choices[0].delta.role == "assistant"


@pytest.mark.parametrize("heat", [0, 0.9])
def test_several_alternatives(client, name, heat):
    asked = dict(model=name, messages=TALK, max_tokens=6, temperature=heat, n=3, seed=5)
    answer = client.chat.completions.create(**asked)
    texts = [choice.message.content for choice in answer.choices]
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len(set(texts)) == (1 if heat == 0 else 3)
    again, _, _ = chunks_of(client.chat.completions.create(**asked, stream=True))
    assert [again[i] for i in range(3)] == texts, "a seed repeats them"


def test_an_answer_ends_before_a_stop_string(client, name, reference):
    text = reference(TALK, 12)[2]
    stop = text[5:7]
    asked = dict(model=name, messages=TALK, max_tokens=12, temperature=0, stop=["nowhere", stop])
    answer = client.chat.completions.create(**asked)
    assert answer.choices[0].message.content == text[: text.index(stop)]
    assert answer.choices[0].finish_reason == "stop"
    texts, reasons, _ = chunks_of(client.chat.completions.create(**asked, stream=True))
    assert texts == {0: text[: text.index(stop)]} and reasons == {0: "stop"}


def test_a_model_that_ends_says_stop(tmp_path):
    folder = save_folder(tmp_path, "qwen2", seed=2, eos_token_id=list(range(0, 300, 2)))
    with served(folder) as address:
        answer = client_of(address).chat.completions.create(
            model=folder.name, messages=TALK, temperature=0
        )
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens < 24


def test_texts_and_ids_are_completed(client, name, reference):
    expected = [reference.text(prompt, 6) for prompt in ("The cat", "你好")]
    ids = [prompt for prompt, _, _ in expected]
    texts = [text for _, _, text in expected]
    asked = dict(model=name, max_tokens=6, temperature=0)
    for prompt in (["The cat", "你好"], ids):
        answer = client.completions.create(prompt=prompt, **asked)
        assert [choice.text for choice in answer.choices] == texts
        assert answer.object == "text_completion"
        assert answer.usage.prompt_tokens == sum(map(len, ids))
    for prompt, text in (("The cat", texts[0]), (ids[1], texts[1])):
        assert client.completions.create(prompt=prompt, **asked).choices[0].text == text
    found, reasons, _ = chunks_of(client.completions.create(prompt=ids, stream=True, **asked))
    assert found == dict(enumerate(texts)) and reasons == {0: "length", 1: "length"}


def test_a_character_is_never_sent_in_halves(client, name):
    """The model writes bytes: a stream may hold U+FFFD only where the whole text does."""
    for seed in range(4):
        asked = dict(model=name, prompt="😀", max_tokens=24, temperature=1.5, seed=seed)
        whole = client.completions.create(**asked).choices[0].text
        parts = [x.choices[0].text for x in client.completions.create(**asked, stream=True)]
        assert "".join(parts) == whole


def test_vectors_come_as_numbers_and_in_base64(embedder):
    (model,) = embedder.models.list().data
    texts = ["你好吗", "今天天气不错"]
    found = embedder.embeddings.create(model=model.id, input=texts)  # the client asks for base64
    plain = embedder.embeddings.create(model=model.id, input=texts, encoding_format="float")
    for one, other in zip(found.data, plain.data, strict=True):
        np.testing.assert_allclose(one.embedding, other.embedding, atol=1e-6)
    assert [one.index for one in found.data] == [0, 1] and len(found.data[0].embedding) == 16
    assert found.usage.prompt_tokens == 5 + 8 == found.usage.total_tokens
    raw = embedder.embeddings.with_raw_response.create(
        model=model.id, input="你好吗", encoding_format="base64"
    ).http_response.json()["data"][0]["embedding"]
    alone = np.frombuffer(base64.b64decode(raw), "<f4")
    np.testing.assert_allclose(alone, plain.data[0].embedding, atol=1e-5)
    by_ids = embedder.embeddings.create(model=model.id, input=[2, 5, 6, 3])
    assert len(by_ids.data) == 1 and by_ids.usage.prompt_tokens == 4


def test_turns_of_a_dialogue_model_are_messages(tmp_path):
    folder = save_generator(tmp_path)
    with served(folder) as address:
        client, name = client_of(address), folder.name
        talk = [{"role": "user", "content": [{"type": "text", "text": "你好吗"}]}]
        answer = client.chat.completions.create(
            model=name, messages=talk, temperature=0, max_tokens=8
        )
        assert answer.choices[0].message.content
        with pytest.raises(openai.BadRequestError, match="user and assistant in turn"):
            client.chat.completions.create(model=name, messages=[*TALK])


def test_a_model_of_another_kind_says_so(tmp_path):
    classifier, unilm = tmp_path / "classes", tmp_path / "unilm"
    save_classifier(classifier), save_generator(unilm, "unilm")
    with served(classifier) as address:
        client = client_of(address)
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="classes", messages=TALK)
        with pytest.raises(openai.NotFoundError):
            client.embeddings.create(model="classes", input="你好")
    with served(unilm) as address:
        client = client_of(address)
        with pytest.raises(openai.BadRequestError, match="neither a chat template nor segments"):
            client.chat.completions.create(model="unilm", messages=TALK[1:])
        assert client.completions.create(model="unilm", prompt="你好").choices


REFUSED = {
    "messages": [[], [{"role": "user"}], [{"role": "user", "content": "书" * 400}], "x"],
    "max_tokens": [0, 25, "5"],
    "temperature": [-1, 2.5],
    "top_p": [0, 1.5],
    "n": [0, 4],
    "stop": [["a"] * 5, ""],
    "logprobs": [True],
    "top_logprobs": [3],
    "tools": [[{"type": "function", "function": {"name": "f"}}]],
    "response_format": [{"type": "json_object"}],
    "logit_bias": [{"5": 1}],
    "presence_penalty": [0.5],
}


@pytest.mark.parametrize("field", REFUSED)
def test_what_cannot_be_answered_is_named(client, name, field):
    for value in REFUSED[field]:
        request = {"model": name, "messages": TALK, field: value}
        with pytest.raises(openai.BadRequestError) as error:
            client.chat.completions.create(**request)
        body = error.value.body
        assert body["type"] == "invalid_request_error" and body["param"].startswith(field)
        assert error.value.status_code == 400 and field in body["message"]


def test_what_changes_nothing_is_accepted(client, name):
    neutral = dict(logprobs=False, presence_penalty=0, frequency_penalty=0.0, n=1, top_p=1)
    neutral |= dict(user="me", metadata={"a": "b"}, response_format={"type": "text"}, logit_bias={})
    asked = dict(model=name, messages=TALK, max_tokens=3, temperature=0)
    plain = client.chat.completions.create(**asked).choices
    assert client.chat.completions.create(**asked, **neutral).choices == plain


def test_other_models_unknown_fields_and_paths_are_refused(client, name):
    asked = dict(messages=TALK, max_tokens=3)
    with pytest.raises(openai.NotFoundError, match="gpt-4"):
        client.chat.completions.create(model="gpt-4", **asked)
    with pytest.raises(openai.BadRequestError, match="magic"):
        client.chat.completions.create(model=name, extra_body={"magic": 1}, **asked)
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model=name, input="x")


def test_bad_token_ids_are_named(client, embedder, name):
    with pytest.raises(openai.BadRequestError, match="token ids in"):
        client.completions.create(model=name, prompt=[10**6])
    (model,) = embedder.models.list().data
    with pytest.raises(openai.BadRequestError, match="token ids in"):
        embedder.embeddings.create(model=model.id, input=[[-1]])
    with pytest.raises(openai.BadRequestError, match="dimensions"):
        embedder.embeddings.create(model=model.id, input="你", dimensions=4)
    with pytest.raises(openai.BadRequestError, match="1 to 4 inputs"):
        embedder.embeddings.create(model=model.id, input=["你"] * 5)


def test_a_template_reads_values_of_the_request(folder, client, name):
    def prompt_tokens(**options):
        answer = client.chat.completions.create(
            model=name, messages=TALK, max_tokens=1, extra_body=options
        )
        return answer.usage.prompt_tokens

    plain = load_tokenizer(folder)
    assert prompt_tokens(chat_template_kwargs={"enable_thinking": False}) == prompt_tokens()
    assert prompt_tokens() == len(plain.encode_chat(TALK))
    with pytest.raises(openai.BadRequestError, match="must not hold .*tools"):
        prompt_tokens(chat_template_kwargs={"tools": 1})


def test_an_endpoint_that_the_model_lacks_says_so(client, embedder, name):
    with pytest.raises(openai.NotFoundError, match="gives no embeddings"):
        client.embeddings.create(model=name, input="a")
    with pytest.raises(openai.NotFoundError, match="generates no text"):
        embedder.completions.create(model="encoder", prompt="a")
