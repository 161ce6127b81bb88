"""Port scripts of bert4keras to kerasx.

    python -m kerasx.port script.py -o ported.py    a script, written to ported.py
    python -m kerasx.port script.py                 the ported script on the screen
    python -m kerasx.port script.py --diff          what would change
    python -m kerasx.port scripts -o ported         the .py and .ipynb files of a folder
    python -m kerasx.port scripts --check           whether anything is left to change

A script is never overwritten unless -o names it. Comments, layout, encoding and line ends stay.
Each change is listed as `file:line: old -> new`. What only a person can decide stands after
BY HAND, with the lines to write instead. Of a folder only scripts and notebooks are written; they
are read together, so that a file of weights keeps one name in the script that saves it and in the
one that loads it.

Exit code: 0 done, 1 something is left to do by hand (with --check also: something would change),
2 a file cannot be read.
"""

import argparse
import difflib
import os
import sys
import textwrap

from kerasx.port.source_files import (
    find_scripts,
    port_source,
    read_source,
    saved_by,
    write_source,
)

_WIDTH = 90  # characters of a text in the report


def main(arguments=None):
    """Port the files of a command line; return the exit code."""
    options = _options().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")
    is_folder = os.path.isdir(options.path)
    if is_folder and not (options.out or options.diff or options.check):
        _options().error("a folder needs -o OUT, --diff or --check")
    paths = find_scripts(options.path, options.out) if is_folder else [options.path]
    sources = [_tried(path, read_source, path) for path in paths]
    saves = [source and _tried(source.path, saved_by, source) for source in sources]
    saved = frozenset().union(*filter(None, saves))
    codes = [0]
    for source, names in zip(sources, saves):
        readable = names is not None
        code = _tried(source.path, _port, source, saved, options, is_folder) if readable else None
        codes.append(2 if code is None else code)
    return max(codes)


def _tried(path, function, *arguments):
    """Return what a function returns, or None after a line about a file it cannot read or write."""
    try:
        return function(*arguments)
    except SyntaxError as error:
        print(f"{path}:{error.lineno or 1}: not Python 3: {error.msg}", file=sys.stderr)
    except RecursionError:
        print(
            f"{path}: nested too deeply for Python: write a long chain as statements",
            file=sys.stderr,
        )
    except (OSError, ValueError) as error:
        print(f"{path}: {error}", file=sys.stderr)
    return None


def _options():
    parser = argparse.ArgumentParser(
        prog="python -m kerasx.port",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", help="a script, a notebook, or a folder of them")
    parser.add_argument("-o", "--out", help="file, or folder, that is written")
    parser.add_argument("--diff", action="store_true", help="show the changes, write nothing")
    parser.add_argument("--check", action="store_true", help="list the changes, write nothing")
    return parser


def _port(source, saved, options, is_folder):
    """Port one file; return 1 if something is left to do by hand."""
    data, ported = port_source(source, saved)
    quiet = options.out or options.check
    report = sys.stdout if quiet and not options.diff else sys.stderr
    _print_report(source.path, ported, report)
    if options.diff:
        _print_diff(source, data)
    elif options.check:
        return int(bool(ported.changes or _by_hand(ported)))
    elif options.out:
        write_source(_target(source.path, options, is_folder), data)
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    return int(bool(_by_hand(ported)))


def _target(path, options, is_folder):
    """Return the path that a ported file is written to."""
    if is_folder:
        return os.path.join(options.out, os.path.relpath(path, options.path))
    if os.path.isdir(options.out) or options.out.endswith(os.sep):
        return os.path.join(options.out, os.path.basename(path))
    return options.out


def _by_hand(ported):
    return [note for note in ported.notes if note.by_hand]


def _print_report(path, ported, stream):
    for line, old, new in ported.changes:
        print(f"{path}:{line}: {_short(old)} -> {_short(new)}", file=stream)
    for line, text, by_hand in ported.notes:
        text = textwrap.indent(text, "    ").strip()
        print(f"{path}:{line}: {'BY HAND' if by_hand else 'NOTE'}: {text}", file=stream)
    if ported.changes or ported.notes:
        left = len(_by_hand(ported))
        print(f"{path}: {len(ported.changes)} changes, {left} by hand", file=stream)


def _short(text):
    text = " ".join(text.split())
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."


def _print_diff(source, data):
    before, after = source.text, data.decode(source.encoding)
    if source.notebook is not None:
        before = source.notebook["_text"].decode("utf-8")
    lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for line in difflib.unified_diff(*lines, source.path, f"{source.path} (ported)"):
        sys.stdout.write(line if line.endswith("\n") else f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
