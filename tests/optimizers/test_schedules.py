"""Piecewise linear learning rates."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.optimizers import PiecewiseLinear


def test_it_warms_up_from_zero_and_is_constant_after_the_last_point():
    rate = PiecewiseLinear({1000: 1, 2000: 0.1}, base=2e-5)
    got = [float(rate(t)) for t in (0, 500, 1000, 1500, 2000, 9999)]
    np.testing.assert_allclose(got, [0, 1e-5, 2e-5, 1.1e-5, 2e-6, 2e-6], rtol=1e-6)


def test_a_point_at_zero_is_where_it_starts():
    assert float(PiecewiseLinear({0: 1})(7)) == 1.0


def test_its_config_survives_json_where_keys_become_strings():
    rate = PiecewiseLinear({10: 1, 20: 0.5}, base=3.0)
    config = json.loads(json.dumps(keras.optimizers.schedules.serialize(rate)))
    again = keras.optimizers.schedules.deserialize(config)
    assert again.get_config() == rate.get_config()


def test_an_optimizer_takes_it():
    theta = keras.Variable([0.0])
    optimizer = keras.optimizers.SGD(PiecewiseLinear({2: 1.0}))
    for _ in range(4):
        optimizer.apply([ops.array([1.0])], [theta])
    np.testing.assert_allclose(ops.convert_to_numpy(theta), -2.5)  # 0 + 0.5 + 1 + 1


@pytest.mark.parametrize("schedule", [{}, None, {-1: 1.0}, {"x": 1}, [1, 2]])
def test_what_is_no_schedule_is_an_error(schedule):
    with pytest.raises(ValueError, match="`schedule` must be a dict.*Received: schedule="):
        PiecewiseLinear(schedule)
