"""Models are saved with the tokenizer of any family, and come back with it."""

import pytest
import transformers

from kerasx.models import build_transformer_model, load_model, save_model, save_pretrained
from kerasx.tokenizers import load_tokenizer
from tests.tokenizers.folders import make_folder

TEXTS = ["今天天气不错 hello", "it's <s> x <|endoftext|>", ""]
SIZE = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


@pytest.mark.parametrize("name, pad_id", [("gpt2", None), ("roberta", 1)])
def test_model_and_tokenizer_come_back(name, pad_id, tmp_path):
    tokenizer = load_tokenizer(make_folder(name, tmp_path / "a"))
    ids = [tokenizer.encode(text)[0] for text in TEXTS]
    options = {**SIZE, "vocab_size": tokenizer.vocab_size, "max_position": 32, "pad_id": pad_id}
    model = build_transformer_model(None, model=name, **options)
    save_model(tmp_path / "b", model, tokenizer)
    saved = load_model(tmp_path / "b").tokenizer
    assert [saved.encode(text)[0] for text in TEXTS] == ids
    assert [load_tokenizer(tmp_path / "b").encode(text)[0] for text in TEXTS] == ids
    save_pretrained(model, tmp_path / "c", tokenizer)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "c")
    assert [theirs(text)["input_ids"] for text in TEXTS] == ids
    assert [load_tokenizer(tmp_path / "c").encode(text)[0] for text in TEXTS] == ids
    save_pretrained(model, tmp_path / "c", tokenizer)  # again, over the first


def test_a_tokenizer_json_of_another_tokenizer_is_not_left_behind(tmp_path):
    tokenizer = load_tokenizer(make_folder("bert", tmp_path / "a"))
    options = {**SIZE, "vocab_size": tokenizer.vocab_size, "max_position": 32}
    model = build_transformer_model(None, **options)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match="must hold no tokenizer.json of another tokenizer"):
        save_pretrained(model, tmp_path / "b", tokenizer)
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["tokenizer.json"]
