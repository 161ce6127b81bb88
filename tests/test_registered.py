"""Classes that a .keras file may name do nothing with the strings in it but store them."""

import inspect
import pathlib
import sys

import keras
import pytest

import kerasx.callbacks
import kerasx.layers
import kerasx.losses
import kerasx.models
import kerasx.optimizers
import kerasx.regularizers
import kerasx.training  # noqa: F401 - its classes are registered

CLASSES = {
    name: cls
    for name, cls in keras.saving.get_custom_objects().items()
    if name.startswith("kerasx>") and isinstance(cls, type)
}
PAYLOADS = [
    str(pathlib.Path(__file__)),
    "file:///etc/passwd",
    "../../etc/passwd",
    "http://127.0.0.1:9/payload",
    "__import__('os').system('true')",
    "lambda x: open('/etc/passwd')",
    {"class_name": "function", "config": "system", "module": "os", "registered_name": "system"},
    {"class_name": "Popen", "config": {"args": "true"}, "module": "subprocess"},
    {"class_name": "__lambda__", "config": {"value": ["AAAA", None, None]}},
]
_EVENTS = ("open", "exec", "compile", "os.", "subprocess.", "socket.", "urllib.", "ctypes.")
_seen, _watching = [], []


def _hook(event, arguments):
    if _watching and event.startswith(_EVENTS):
        _seen.append((event, repr(arguments)[:200]))


@pytest.fixture(scope="module", autouse=True)
def hook():
    sys.addaudithook(_hook)  # for the rest of the process: a hook cannot be removed


def configs(cls):
    """Yield configurations with each argument in turn, and all together, a payload."""
    names = [name for name in inspect.signature(cls).parameters if name not in ("args", "kwargs")]
    plain = dict.fromkeys(names, 2)
    for payload in PAYLOADS:
        yield dict.fromkeys(names, payload)
        for name in names:
            yield {**plain, name: payload}
            yield {name: payload}


def make(cls, config):
    try:
        cls.from_config(dict(config))
    except Exception as error:  # noqa: BLE001 - any error but a deed
        return error


@pytest.mark.once
@pytest.mark.parametrize("name", sorted(CLASSES))
def test_no_string_in_a_configuration_is_opened_run_or_fetched(name):
    for config in configs(CLASSES[name]):
        make(CLASSES[name], config)  # what is imported lazily is imported now
        _seen.clear()
        _watching.append(True)
        make(CLASSES[name], config)
        _watching.clear()
        assert _seen == [], config


@pytest.mark.once
def test_the_hook_sees_what_it_should():
    _seen.clear()
    _watching.append(True)
    with open(__file__, encoding="utf-8"):
        pass
    _watching.clear()
    assert _seen and len(CLASSES) > 50
