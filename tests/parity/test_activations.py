"""Activations that a configuration of transformers names are computed as there, or refused."""

import numpy as np
import pytest
import torch
from keras import ops
from transformers.activations import ACT2CLS, ACT2FN

from kerasx.models.build import make_builder
from kerasx.ops import get_activation
from tests.models.helpers import CONFIG

REFUSED = ("gelu_10", "laplace", "leaky_relu", "prelu", "relu2", "sqrtsoftplus", "xielu")


@pytest.mark.parametrize("name", [name for name in ACT2CLS if name not in REFUSED])
def test_an_activation_is_that_of_transformers(name):
    x = np.linspace(-4, 4, 33).astype("float32")
    found = ops.convert_to_numpy(get_activation(name)(ops.convert_to_tensor(x)))
    np.testing.assert_allclose(found, ACT2FN[name](torch.tensor(x)).numpy(), atol=1e-5)


@pytest.mark.once
@pytest.mark.parametrize("name", REFUSED)
def test_other_activations_of_transformers_are_refused(name):
    config = {**CONFIG, "model_type": "bert", "architectures": ["BertModel"], "hidden_act": name}
    with pytest.raises(ValueError, match="hidden_act"):
        make_builder(config)
