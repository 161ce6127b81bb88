"""Folders of the last steps, each whole."""

from pathlib import Path

import keras
import numpy as np
import pytest

from kerasx.callbacks import Resume, SavePretrained
from kerasx.callbacks import save_pretrained as module
from kerasx.models import build_transformer_model
from tests.callbacks.helpers import Interrupt, make_line
from tests.callbacks.table import tiny_bert


def fit(*callbacks, epochs=2):
    model, data = make_line()
    model.fit(*data, batch_size=1, epochs=epochs, shuffle=False, callbacks=callbacks, verbose=0)


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_the_last_folders_are_kept_and_are_of_their_steps(tmp_path):
    bert, tables = tiny_bert(), {}

    def learn(batch, logs=None):
        table = bert.model.get_layer("Embedding-Token").embeddings
        table.assign_add(np.ones(table.shape))
        tables[f"step-{len(tables) + 1}"] = keras.ops.convert_to_numpy(table)

    learning = keras.callbacks.LambdaCallback(on_train_batch_end=learn)
    fit(learning, SavePretrained(tmp_path / "a", every=3, keep=2, model=bert))
    assert names(tmp_path / "a") == ["step-6", "step-8"]  # the last step too
    for name in ("step-6", "step-8"):
        model = build_transformer_model(tmp_path / "a" / name)
        table = keras.ops.convert_to_numpy(model.get_layer("Embedding-Token").embeddings)
        assert np.array_equal(table, tables[name])


def test_all_are_kept_without_a_limit(tmp_path):
    fit(SavePretrained(tmp_path, every=2, model=tiny_bert()))
    assert names(tmp_path) == [f"step-{i}" for i in (2, 4, 6, 8)]


def test_what_a_resumed_run_passes_over_writes_nothing(tmp_path):
    path, bert = tmp_path / "run.safetensors", tiny_bert()
    with pytest.raises(KeyboardInterrupt):
        fit(Resume(path, every=3), SavePretrained(tmp_path / "a", 2, model=bert), Interrupt(1, 2))
    assert names(tmp_path / "a") == ["step-2", "step-4", "step-6"]
    before = [p.stat().st_mtime_ns for p in sorted((tmp_path / "a").glob("step-[246]/*"))]
    fit(Resume(path, every=3, verbose=False), SavePretrained(tmp_path / "a", 2, model=bert))
    assert names(tmp_path / "a") == ["step-2", "step-4", "step-6", "step-8"]
    assert before == [p.stat().st_mtime_ns for p in sorted((tmp_path / "a").glob("step-[246]/*"))]


def test_a_failure_leaves_no_half_of_a_folder(tmp_path, monkeypatch):
    real = module.save_pretrained

    def broken(model, folder, tokenizer=None):
        real(model, folder, tokenizer)
        raise OSError("no space left on device")

    monkeypatch.setattr(module, "save_pretrained", broken)
    with pytest.raises(OSError, match="no space"):
        fit(SavePretrained(tmp_path, every=1, model=tiny_bert()))
    assert not [name for name in names(tmp_path) if name.startswith("step")]
    monkeypatch.undo()
    fit(SavePretrained(tmp_path, every=4, model=tiny_bert()))
    assert names(tmp_path) == ["step-4", "step-8"]


def test_a_kill_while_an_old_folder_is_removed_leaves_no_half_of_it(tmp_path, monkeypatch):
    def killed(folder):
        next(iter(Path(folder).iterdir())).unlink()
        raise KeyboardInterrupt

    monkeypatch.setattr(module.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(SavePretrained(tmp_path, every=1, keep=1, model=tiny_bert()))
    assert [name for name in names(tmp_path) if name.startswith("step")] == ["step-2"]
    monkeypatch.undo()
    fit(SavePretrained(tmp_path, every=4, keep=1, model=tiny_bert()))
    assert names(tmp_path) == ["step-8"]


def test_a_model_that_hugging_face_lacks_is_refused_before_training(tmp_path):
    seen = []
    counting = keras.callbacks.LambdaCallback(on_train_batch_end=lambda *_: seen.append(1))
    with pytest.raises(ValueError):
        fit(SavePretrained(tmp_path), counting)
    assert not seen
