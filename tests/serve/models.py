"""Tiny random models in folders, as `save_model` writes them."""

import keras
import numpy as np

from kerasx.layers import FirstToken
from kerasx.models import build_transformer_model, save_model
from kerasx.tokenizers import Tokenizer, character_vocab
from tests.generation.models import randomize

TEXT = "你好吗我很今天气不错们去吃饭什么时候见面想看书电影喜欢谢<&>"
SIZES = dict(
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=16,
    max_position=96,
)


def tokenizer():
    return Tokenizer(character_vocab([TEXT]), do_lower_case=True)


def save_generator(folder, application="lm", specials=0.0, **options):
    """Save a random model of characters with large weights: its answers depend on every token.

    Args:
        specials: added to the logits of [SEP] and its like, where the model has a bias: far below
            zero it never ends by itself, and all it says can be read.
    """
    words = tokenizer()
    options = {"vocab_size": words.vocab_size, "with_mlm": "linear", **SIZES, **options}
    model = build_transformer_model(application=application, **options)
    randomize(model, seed=3)
    if specials:
        (bias,) = model.get_layer("MLM-Bias").weights
        is_special = np.arange(bias.shape[0]) < min(words.token_dict[x] for x in TEXT)
        bias.assign(keras.ops.convert_to_numpy(bias) + specials * is_special)
    save_model(folder, model, words)
    return folder


def save_classifier(folder, labels=("差", "好")):
    words = tokenizer()
    bert = build_transformer_model(vocab_size=words.vocab_size, **SIZES)
    scores = keras.layers.Dense(len(labels), activation="softmax", name="Classes")
    model = keras.Model(bert.inputs, scores(FirstToken()(bert.output)))
    randomize(model, seed=4)
    save_model(folder, model, words, labels)
    return folder


def save_encoder(folder):
    words = tokenizer()
    model = build_transformer_model(vocab_size=words.vocab_size, **SIZES)
    randomize(model, seed=5)
    save_model(folder, model, words)
    return folder
