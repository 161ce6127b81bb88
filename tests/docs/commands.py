"""Finds the commands of the pages, and checks them without running what they start."""

import argparse
import itertools
import os
import re
import runpy
import shlex
import sys
from unittest import mock

from tests.docs.reading import BLOCK, PAGES, ROOT, blocks, text_of

INLINE = re.compile(r"`((?:[A-Z_]+=\S+ )*(?:\S*python|pytest|make|torchrun|pip) [^`]+)`")
# not checked further, and why
SHOWN = {
    "curl": "needs a server; tests/serve sends such requests",
    "venv": "Python's own",
    ".": "a shell's own",
    "-c": "Python on one line",
    "train.py": "the script of the page, which tests/distribution runs",
    "new.py": "the reader's script",
    "kerasx.checkpoints show|convert": "stands for two commands, which are both shown",
}


def all_commands():
    """Return {command: page} of the lines of bash, and of the commands within sentences."""
    found = {}
    for page in PAGES:
        lines = "\n".join(blocks(page, "bash")).replace("\\\n", " ").splitlines()
        lines = [part for line in lines for part in re.sub(r"(^|\s)#.*", "", line).split(" && ")]
        inline = INLINE.findall(BLOCK.sub("", text_of(page)))
        found |= {" ".join(x.split()): page for x in [*lines, *inline] if x.strip()}
    return found


def check(command):
    """Raise an AssertionError unless a command of a page can be given."""
    words = shlex.split(re.sub(r"^(\w+=\S+ )*", "", command))
    if any(shown in (command if " " in shown else words) for shown in SHOWN):
        return
    program, *arguments = words
    if program.endswith("python"):
        return check_python(arguments)
    if program == "torchrun":
        script = next(i for i, word in enumerate(arguments) if word.endswith(".py"))
        return check_python(arguments[script:])
    CHECKS[program](arguments)


def check_python(arguments):
    """Check that a script or module is there, and that it takes the arguments."""
    if arguments[0] == "-m":
        name, arguments = arguments[1], arguments[2:]
        if name in CHECKS:
            return CHECKS[name](arguments)
        path = ROOT / name.replace(".", "/")
        path = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
        run = runpy.run_module
    else:
        name, *arguments = arguments
        path, run = ROOT / name, runpy.run_path
        name = str(path)
    assert path.is_file(), f"no {path}"
    if name == "claims":
        names = itertools.takewhile(lambda word: word[0] != "-", arguments)
        assert all((ROOT / f"claims/{name}.py").is_file() for name in names)
    if arguments:
        assert "ArgumentParser" in path.read_text("utf-8"), f"{name} takes no arguments"
        check_arguments(run, name, arguments)


class Parsed(Exception):
    """The arguments of a command were read, and nothing else is to be done."""


def check_arguments(run, name, arguments):
    """Let a program read its arguments, and stop it there."""
    parse = argparse.ArgumentParser.parse_args

    def parsed(*given, **options):
        parse(*given, **options)
        raise Parsed

    with (
        mock.patch.object(sys, "argv", [name, *arguments]),
        mock.patch.object(argparse.ArgumentParser, "parse_args", parsed),
        mock.patch.dict(os.environ),
    ):
        try:
            run(name, run_name="__main__")
        except Parsed:
            return
        except SystemExit as error:
            raise AssertionError(f"{name} refuses {arguments}") from error
    raise AssertionError(f"{name} did not read its arguments")


def check_make(arguments):
    targets = re.findall(r"^([\w -]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    known = set(" ".join(targets).split())
    assert {word for word in arguments if "=" not in word} <= known


def check_pip(arguments):
    setup = (ROOT / "setup.py").read_text("utf-8")
    asked = re.findall(r"\[(.+?)\]", " ".join(arguments))
    assert all(f'"{extra}": [' in setup for extras in asked for extra in extras.split(","))


def check_pytest(arguments):
    paths = [word for word in arguments if "/" in word]
    assert all((ROOT / word.partition("::")[0]).exists() for word in paths)
    assert {word for word in arguments if word[0] == "-"} <= {"-k", "-m", "-q", "--slow"}


CHECKS = {"make": check_make, "pip": check_pip, "pytest": check_pytest}
