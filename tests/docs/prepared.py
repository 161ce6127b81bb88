"""What the pages name without making it: folders of weights, files of texts, scripts around them.

A page whose code names a file or folder of `MADE` finds it where it runs.
"""

import contextlib
import gzip
import json
import shutil
from functools import partial
from unittest import mock

import keras
import numpy as np
from openai import OpenAI

from kerasx.backend import K
from kerasx.checkpoints import open_checkpoint, save_safetensors
from kerasx.models import bert_config as bert_config_of
from kerasx.models import build_transformer_model, save_model
from kerasx.serve import create_app
from kerasx.tokenizers import character_vocab, load_tokenizer, save_vocab
from tests.data.corpora import TEXTS, save_texts
from tests.generation.folders import save_folder
from tests.models.test_keras_weights import write_keras_2
from tests.serve.conftest import running
from tests.tiny import save_tiny_bert


def bert(folder, text):
    """A BERT of Google's form, with the characters of the page as its vocabulary."""
    save_tiny_bert(folder, [text])


def qwen(folder, text):
    """A Qwen3 of Hugging Face's form, with a chat template."""
    folder.mkdir()
    save_folder(folder, "qwen3")


def bert_config(path, text):
    """The files of a BERT, beside each other in the folder of the page."""
    folder = path.parent / "files"
    bert(folder, text)
    for file in folder.iterdir():
        shutil.move(file, path.parent)
    with open_checkpoint(str(path.parent / "bert_model.ckpt")) as checkpoint:
        save_safetensors(path.parent / "model.safetensors", checkpoint)
    shutil.copy(path, path.parent / "config.json")


def dialogue(folder, text):
    """A language model that `save_model` wrote."""
    source = folder.parent.parent / "chinese_bert"
    bert(source, text)
    model = build_transformer_model(source, application="lm", with_mlm="linear")
    folder.parent.mkdir()
    save_model(folder, model, load_tokenizer(source))


def plain_texts(path, text):
    save_texts(path, TEXTS * 100)
    if not (path.parent / "vocab.txt").exists():
        save_vocab(path.parent / "vocab.txt", character_vocab(TEXTS))


def json_lines(path, text):
    lines = "\n".join(json.dumps({"text": text}) for text in TEXTS)
    path.write_bytes(gzip.compress(lines.encode()))


def labelled(path, text):
    path.write_text("房间很干净\t1\n早餐不好吃\t0\n" * 8, "utf-8")


MADE = {
    "chinese_bert": bert,
    "Qwen3-0.6B/": qwen,
    "bert_config.json": bert_config,
    "wiki.txt": plain_texts,
    "news.jsonl.gz": json_lines,
    "train.tsv": labelled,
    "runs/dialogue_lccc": dialogue,
}


def make(names, folder, text):
    """Make what a page names in a folder."""
    for name, maker in MADE.items():
        if name in names:
            maker(folder / name, text)


# The scripts that docs/porting.md has pieces of


def classifier():
    bert = build_transformer_model(SMALL)
    return keras.Model(bert.inputs, keras.layers.Dense(3, "softmax")(bert.output[:, 0]))


def language_model():
    return build_transformer_model(SMALL, application="unilm", with_mlm=True)


def old_weights(model):
    write_keras_2("best_model.weights", model)


SMALL = bert_config_of(vocab_size=20, hidden_size=8, num_hidden_layers=1)
X = [np.ones((4, 6), "int32"), np.ones((4, 6), "int32")]
LOSS = (
    "y_true, y_mask, y_pred = model.input[0][:, 1:], model.input[1][:, 1:], model.output[:, :-1]",
    "loss = K.sum(K.sparse_categorical_crossentropy(y_true, y_pred) * y_mask) / K.sum(y_mask)",
)
PORTED = {
    **{"keras": keras, "np": np, "K": K, "Adam": keras.optimizers.Adam},
    **{"dx": X, "dy": np.eye(3)[[0, 1, 2, 0]], "token_ids": X[0], "segment_ids": X[1], "label": 1},
    **{"classifier": classifier, "language_model": language_model, "old_weights": old_weights},
}
PIECES = {
    "gradient_penalty(": "model = classifier()",
    "virtual_adversarial_training(": (
        "model.fit(dx, np.zeros(4), verbose=0); model_vat = classifier(); "
        "model_vat.compile('adam', 'kld')"
    ),
    "integrated_gradients(": "model = model_vat",
    "AddedLoss": "; ".join(["model = language_model()", *LOSS]),
    "load_keras_weights(": "model.compile('adam'); model.fit(dx, verbose=0); old_weights(model)",
}

# {page: names that it uses}, and {page: {words of a block: what stands before it}}
NAMES = {
    "docs/checkpoints.md": lambda folder: {"arrays": arrays_of(folder / "chinese_bert")},
    "docs/porting.md": lambda folder: PORTED,
}
BEFORE = {"docs/porting.md": PIECES}


def arrays_of(folder):
    with open_checkpoint(str(folder)) as checkpoint:
        return {name: np.array(checkpoint[name]) for name in checkpoint}


@contextlib.contextmanager
def serving(folder):
    """Servers of docs/serving.md: OpenAI's client talks with one, and none is waited for."""
    qwen(folder / "Qwen3-0.6B", "")
    with running(create_app(folder / "Qwen3-0.6B")) as address:
        client = partial(OpenAI, api_key="none", base_url=f"{address}/v1")
        patches = (
            mock.patch("openai.OpenAI", lambda **arguments: client()),
            mock.patch("kerasx.serve.WebServing.start"),
        )
        with patches[0], patches[1]:
            yield


AROUND = {"docs/serving.md": serving}
