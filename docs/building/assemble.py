"""Lay the pages of the site together in one folder, for Sphinx to read.

They are docs/**/*.md; pages elsewhere in the repository that belong to the site; a page with the
text of each other file that a page links; the list of techniques; and a page of API for each room.
"""

import importlib
import inspect
import os
import re
import shutil
from pathlib import Path

from docs.building.contents import CONTENTS, TECHNIQUES

ROOT = Path(__file__).parents[2]
# pages outside of docs/, and their names in the site
OUTSIDE = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "examples/recipes/README.md": "recipes.md",
}
# what stands for these in the site
INSTEAD = {
    "README.md": "index.md",
    "README_zh.md": "index_zh.md",
    "docs/techniques": "techniques/index.md",
    "examples": "examples.md",
}
LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)\s#]+)(?=[)#])")
CODE = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"(?<=^\| )`(\w+)`(?= \|)", re.MULTILINE)


def assemble(folder):
    """Write all pages, and the pictures that they show, to a folder, which is emptied before."""
    shutil.rmtree(folder, ignore_errors=True)
    pages = {f"docs/{path.as_posix()}": path.as_posix() for path in docs_pages()} | OUTSIDE
    linked = set()
    for source, page in pages.items():
        text = with_links((ROOT / source).read_text("utf-8"), source, pages, linked)
        write(folder / page, text)
    for path in linked:
        write(folder / file_page(path), shown(path))
    for path in [*(ROOT / "docs").rglob("*.png"), *(ROOT / "docs").rglob("*.json")]:
        copy = folder / path.relative_to(ROOT / "docs")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    for room in rooms():
        write(folder / f"api/{room}.md", api_page(room))
    write(folder / "api/index.md", api_index())
    write(folder / "techniques/index.md", techniques_index())
    write(folder / "reference.md", with_references((folder / "reference.md").read_text("utf-8")))
    index = folder / "index.md"
    write(index, index.read_text("utf-8") + contents(folder))


def docs_pages():
    """Return the pages of docs/, relative to it, sorted."""
    return sorted(path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md"))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def with_links(text, source, pages, linked):
    """Return a page whose links lead to where their targets stand in the site.

    Args:
        text: str. source: str, its path in the repository. pages: {path: its name in the site}.
        linked: set, to which the paths of linked files outside of docs/ are added.
    """
    here = os.path.dirname(pages[source]) or "."

    def moved(match):
        path = os.path.normpath(os.path.join(os.path.dirname(source), match[1]))
        target = pages.get(path) or INSTEAD.get(path)
        if target is None and not (ROOT / path).is_file():
            return match[1]
        if target is None and path.startswith("docs/"):
            target = path.removeprefix("docs/")
        elif target is None:
            linked.add(path)
            target = file_page(path)
        return os.path.relpath(target, here)

    parts = CODE.split(text)
    return "".join(part if i % 2 else LINK.sub(moved, part) for i, part in enumerate(parts))


def file_page(path):
    """Return the name of the page that shows a file of the repository."""
    return f"files/{path}.md"


def shown(path):
    """Return a page with the text of a file."""
    text = (ROOT / path).read_text("utf-8")
    language = {".py": "python", ".sh": "bash"}.get(Path(path).suffix, "text")
    fence = "`" * 8
    return f"---\norphan: true\n---\n# {path}\n\n{fence}{language}\n{text}{fence}\n"


def rooms():
    """Return the rooms that have public names, in the order of docs/reference.md."""
    text = (ROOT / "docs/reference.md").read_text("utf-8")
    return re.findall(r"^## kerasx\.(\w+)$", text, re.MULTILINE)


def api_page(room):
    """Return the page of a room: the docstrings of its public names."""
    return f"# kerasx.{room}\n\n```{{eval-rst}}\n.. automodule:: kerasx.{room}\n   :members:\n```\n"


def api_index():
    """Return the list of the rooms, with the first line that each says of itself."""
    lines = ["# API", "", "| room | |", "|---|---|"]
    for room in rooms():
        said = importlib.import_module(f"kerasx.{room}").__doc__.splitlines()[0]
        lines.append(f"| [kerasx.{room}]({room}.md) | {said} |")
    return "\n".join(lines) + "\n\n" + toctree(rooms())


def with_references(text):
    """Return docs/reference.md with a link to the API from each function and class."""
    parts = re.split(r"(?m)^## (kerasx\.\w+)$", text)
    for i in range(1, len(parts), 2):
        room = importlib.import_module(parts[i])

        def linked(match, room=room):
            place = f"{room.__name__}.{match[1]}"
            known = inspect.isroutine(getattr(room, match[1])) or isinstance(
                getattr(room, match[1]), type
            )
            return f"{{py:obj}}`{match[1]} <{place}>`" if known else match[0]

        parts[i] = f"## {parts[i]}"
        parts[i + 1] = NAME.sub(linked, parts[i + 1])
    return "".join(parts)


def techniques_index():
    """Return the list of the pages of docs/techniques, by groups."""
    lines = [
        "# Techniques",
        "",
        "Each with its idea, its equation, lines that use it, and a verdict where it was tried.",
    ]
    for title, names in by_groups():
        lines += ["", f"## {title}", ""]
        lines += [f"- {link}" for link in map(technique_link, names)]
        lines += ["", toctree(names)]
    return "\n".join(lines)


def by_groups():
    """Yield (title, names) of the techniques there are; the last group has the others."""
    found = [path.stem for path in docs_pages() if path.parent.name == "techniques"]
    named = {name for names in TECHNIQUES.values() for name in names}
    rest = [name for name in found if name not in named]
    for title, names in [*TECHNIQUES.items(), ("Others", rest)]:
        names = [name for name in names if name in found]
        if names:
            yield title, names


def technique_link(name):
    """Return a link to the page of a technique with its title."""
    text = (ROOT / f"docs/techniques/{name}.md").read_text("utf-8")
    return f"[{text.splitlines()[0].removeprefix('# ')}]({name}.md)"


def contents(folder):
    """Return the tables of contents for the first page."""
    found = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.md")}
    inner = {name for name in found if name.startswith(("api/", "techniques/", "files/"))}
    named = {name for names in CONTENTS.values() for name in names}
    more = sorted(found - inner - named - {"index"})
    lists = [*CONTENTS.items(), ("More", more)]
    known = {caption: [name for name in names if name in found] for caption, names in lists}
    return "\n".join(["", *(toctree(names, caption) for caption, names in known.items() if names)])


def toctree(names, caption=""):
    """Return a hidden table of contents, from which the side bar is made."""
    head = f":caption: {caption}\n" if caption else ""
    return "```{toctree}\n:hidden:\n" + head + "\n" + "\n".join(names) + "\n```\n"
