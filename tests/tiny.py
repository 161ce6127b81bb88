"""A tiny random BERT in a folder, as Google publishes them."""

import json

from kerasx.models import build_transformer_model
from kerasx.tokenizers import character_vocab, save_vocab


def save_tiny_bert(folder, texts, model="bert"):
    """Write configuration, TensorFlow checkpoint and the vocabulary of `texts`: the folder."""
    folder.mkdir()
    vocabulary = character_vocab(texts)
    config = {
        "vocab_size": len(vocabulary),
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 200,
        "type_vocab_size": 2,
    }
    heads = {"with_mlm": True, "with_nsp": True}
    builder = build_transformer_model(config, model=model, return_keras_model=False, **heads)
    builder.save_weights_as_checkpoint(folder / "bert_model.ckpt")
    (folder / "bert_config.json").write_text(json.dumps(config))
    save_vocab(folder / "vocab.txt", vocabulary)
    return folder
