"""Write the tables of bert4keras's names to docs/porting.md and docs/porting_zh.md.

python -m tests.porting_table
"""

import re
from pathlib import Path

from kerasx.port.names import NAMES

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [DOCS / "porting.md", DOCS / "porting_zh.md"]
# modules of older versions, and the module that holds most of their names today
SUCCESSORS = {"bert": "models", "tokenizer": "tokenizers", "utils": "tokenizers"}


def rows(wanted):
    """Return {(name, place or advice): modules} of the names that `wanted(place, advice)` takes."""
    found = {}
    for path, (place, advice) in NAMES.items():
        _, module, name = path.split(".")
        today = NAMES.get(f"bert4keras.{SUCCESSORS.get(module)}.{name}")
        if wanted(place, advice) and today != (place, advice):
            found.setdefault((name, place or advice), []).append(module)
    return sorted(found.items(), key=lambda row: (row[0][0].lower(), row[0]))


def kept():
    """Return the table of the names that have a place."""
    lines = ["| bert4keras | kerasx |", "|---|---|"]
    for (name, place), modules in rows(lambda place, advice: place and "." in place):
        lines.append(f"| `{name}` ({', '.join(modules)}) | `{place}` |")
    return "\n".join(lines)


def imported():
    """Return the modules that scripts take from bert4keras, as one line."""
    found = rows(lambda place, advice: place and "." not in place)
    return ", ".join(f"`{name}`" for name in dict.fromkeys(name for (name, _), _ in found))


def gone():
    """Return the table of the names without a place, with what the tool says about them."""
    lines = ["| bert4keras | BY HAND |", "|---|---|"]
    for (name, advice), modules in rows(lambda place, advice: advice):
        lines.append(f"| `{name}` ({', '.join(modules)}) | {advice} |")
    return "\n".join(lines)


TABLES = {"kept": kept, "imported": imported, "gone": gone}


def filled(page):
    """Return the text of a page with its tables anew, each between two comments of its name."""

    def fill(match):
        name = match[1]
        return f"<!-- {name} -->\n{TABLES[name]()}\n<!-- /{name} -->"

    pattern = rf"<!-- ({'|'.join(TABLES)}) -->\n.*?<!-- /\1 -->"
    return re.sub(pattern, fill, page, flags=re.DOTALL)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(filled(path.read_text("utf-8")), "utf-8")
