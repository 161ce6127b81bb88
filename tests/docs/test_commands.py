"""Every command of every page can be given: its file is there, and takes its arguments."""

import pytest

from tests.docs import commands

pytestmark = [pytest.mark.once, pytest.mark.filterwarnings("ignore:.*found in sys.modules")]


def test_every_command_of_the_pages_can_be_given():
    failed = []
    for command, page in commands.all_commands().items():
        try:
            commands.check(command)
        except AssertionError as error:
            failed.append(f"{page}: {command}: {error}")
    assert failed == []
    assert len(commands.all_commands()) > 60


@pytest.mark.parametrize(
    "command",
    [
        "python examples/nothing.py",
        "python examples/ner.py --nothing 3",
        "python -m benchmarks.nothing",
        "python -m claims nothing",
        "pip install kerasx[nothing]",
        "make nothing",
        "pytest tests/nothing.py",
    ],
)
def test_a_command_that_cannot_be_given_is_found(command):
    with pytest.raises(AssertionError):
        commands.check(command)
