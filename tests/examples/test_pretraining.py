"""Raw text becomes folders that kerasx and transformers read; a run goes on where it stopped."""

import json
import re

import numpy as np
import pytest
import transformers

from benchmarks import pretraining
from kerasx.models import build_transformer_model
from kerasx.tokenizers import load_tokenizer
from tests.examples.runner import run_example
from tests.tiny import save_tiny_bert

TINY = "--updates 2 --every 1 --batch-size 4 --hidden-size 16 --layers 1 --length 32 --reviews 400"
TINY = [*TINY.split(), "--labelled", "8"]
HEADS = {
    "mlm": "RoFormerForMaskedLM",
    "lm": "RoFormerForCausalLM",
    "unilm": "RoFormerForMaskedLM",
    "t5": "T5ForConditionalGeneration",
    "electra": "ElectraForPreTraining",
}


def run(folder, *arguments):
    return run_example("pretraining.py", *TINY, "--save", folder, *arguments)


def check_folder(folder, head):
    assert json.loads((folder / "config.json").read_text())["architectures"] == [head]
    _, found = getattr(transformers, head).from_pretrained(folder, output_loading_info=True)
    missing = [k for k in found["missing_keys"] if "embed_positions" not in k]
    assert not missing and not found["unexpected_keys"] and not found["mismatched_keys"]
    ids = np.array([load_tokenizer(folder).encode("房间很大")[0]], "int32")
    model = build_transformer_model(folder)
    shapes = model(ids if len(model.inputs) == 1 else [ids, ids * 0]).shape
    assert shapes[:2] == ids.shape


def test_masked_words_end_in_a_table_and_a_folder_and_a_second_run_goes_on(tmp_path):
    out = run(tmp_path, "--seeds", "1")
    assert re.search(r"^random weights +\d+\.\d% ± 0\.0$", out, re.MULTILINE)
    assert re.search(r"^pretrained \(mlm\) +\d+\.\d% ± 0\.0$", out, re.MULTILINE)
    assert "share_of_limit" in out and "tokens_per_second" in out and "val_accuracy" in out
    check_folder(tmp_path / "mlm" / "model", HEADS["mlm"])
    with pytest.raises(ValueError, match="order of the dataset"):  # the file is of other texts
        run(tmp_path, "--seeds", "0", "--updates", "3", "--reviews", "440")
    again = run(tmp_path, "--seeds", "0", "--updates", "3")
    assert "resumed at epoch 3" in again and "Epoch 1/3" not in again


@pytest.mark.once
@pytest.mark.parametrize("mode", [mode for mode in HEADS if mode != "mlm"])
def test_each_mode_writes_a_folder_that_transformers_reads(mode, tmp_path):
    out = run(tmp_path, "--mode", mode, "--seeds", "1", "--accumulate", "2")
    assert f"pretrained ({mode})" in out
    check_folder(tmp_path / mode / "model", HEADS[mode])


@pytest.mark.once
def test_files_of_texts_and_a_pretrained_folder(tmp_path):
    texts = [f"今天是第{i}天，天气很好。" for i in range(100)]
    (tmp_path / "a.txt").write_text("\n\n".join(texts), "utf-8")
    (tmp_path / "b.jsonl").write_text(json.dumps({"text": texts[0]}) + "\n", "utf-8")
    bert = save_tiny_bert(tmp_path / "bert", texts)
    files = ["--data", tmp_path / "a.txt", tmp_path / "b.jsonl", "--valid", tmp_path / "a.txt"]
    go_on = [tmp_path, *files, "--config", bert, "--seeds", "0"]
    run(*go_on, "--workers", "2")
    check_folder(tmp_path / "mlm" / "model", "BertForMaskedLM")
    (tmp_path / "a.txt").write_text("\n\n".join(texts[::-1]), "utf-8")
    with pytest.raises(ValueError, match="order of the dataset"):
        run(*go_on)


@pytest.mark.once
@pytest.mark.parametrize("updates", [0, 50, 150])
def test_updates_that_are_no_whole_epochs_are_refused(updates, tmp_path, capsys):
    with pytest.raises(AssertionError, match="2"):
        run(tmp_path, "--every", "100", "--updates", updates)
    assert "--updates must be a multiple of --every" in capsys.readouterr().err


@pytest.mark.once
def test_the_benchmark_counts_fewer_operations_for_places(monkeypatch, tmp_path):
    tiny = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    monkeypatch.setitem(pretraining.SIZES, "small", tiny)
    monkeypatch.setitem(pretraining.CONFIG, "vocab_size", 50)
    options = {"size": "small", "batch": 2, "length": 20, "masked": 0.15, "steps": 1}
    options |= {"dtype": "float32", "recompute": False, "profile": str(tmp_path / "profile")}
    facts = {way: pretraining.work(way, json.dumps(options))() for way in pretraining.WAYS}
    saved = 3 * 2 * (40 - 6) * 16 * (16 + 50)  # the head of 34 of 40 places
    assert facts["all"]["flops"] - facts["places"]["flops"] == saved
    assert facts["all"]["MiB"] > 0 and any((tmp_path / "profile").iterdir())
