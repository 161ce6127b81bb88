"""docs/reference.md names every public function and class, and nothing else."""

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.backend_free
ROOT = Path(__file__).parents[1]


def public_names():
    """Return {room: names in its `__all__`}, read from the source."""
    found = {}
    for path in [*ROOT.glob("kerasx/*/__init__.py"), *ROOT.glob("kerasx/*.py")]:
        room = path.parent.name if path.name == "__init__.py" else path.stem
        for node in ast.parse(path.read_text("utf-8")).body:
            is_all = (
                isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
            )
            if is_all and room not in ("kerasx", "snippets"):
                found[room] = set(ast.literal_eval(node.value))
    return found


def documented_names():
    """Return {room: names in its table of docs/reference.md}."""
    text = (ROOT / "docs" / "reference.md").read_text("utf-8")
    parts = re.split(r"^## kerasx\.(\w+)$", text, flags=re.MULTILINE)
    tables = zip(parts[1::2], parts[2::2])
    return {
        room: set(re.findall(r"^\| `(\w+)` \| \S", table, re.MULTILINE)) for room, table in tables
    }


def test_every_public_name_has_a_line_in_the_reference():
    assert documented_names() == public_names()
