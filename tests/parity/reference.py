"""Tiny random models of transformers."""

import torch
import transformers

__all__ = ["SIZES", "random_model"]

# sizes of the encoders, under BERT's names
SIZES = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 12,
    "initializer_range": 0.4,
}


def random_model(architecture, config):
    """Return a model of transformers with random biases and normalizations too.

    Args:
        architecture: name of the class.
        config: keyword arguments of its configuration class.
    """
    torch.manual_seed(0)
    cls = getattr(transformers, architecture)
    model = cls(cls.config_class(**config)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter += 0.3 * torch.randn(parameter.shape)
    return model
