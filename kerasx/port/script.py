"""Read a script into a syntax tree, and change pieces of its text without touching the rest."""

import ast
import re
import warnings
from bisect import bisect_right
from typing import NamedTuple


class Edit(NamedTuple):
    """Text in place of script[start:end]; `old` and `new` are what the report shows.

    `order` tells insertions at one position apart: what opens around more text comes first, what
    closes around more text last.
    """

    start: int
    end: int
    text: str
    old: str
    new: str
    order: int = 0


class Note(NamedTuple):
    """Advice about a line; `by_hand` if the script does not run before it is followed."""

    line: int
    text: str
    by_hand: bool


class Script:
    """A script as text and tree, with the edits and notes that rules have added.

    Positions are indices of characters of the text. A node's columns count bytes of UTF-8; they
    are converted here.

    Args:
        text: str, the whole script; its line ends are kept.
        code: str, what Python reads in its place, of the same length: a notebook's lines for
            the shell are comments there.

    Raises:
        SyntaxError: the text is not Python 3.

    >>> script = Script("x = f(a)  # 注\\n")
    >>> script.replace(script.tree.body[0].value.func, "g")
    >>> script.rewritten()
    'x = g(a)  # 注\\n'
    """

    def __init__(self, text, code=None):
        self.text = text
        self.code = text if code is None else code
        self.tree = parse(self.code)
        self.edits, self.notes, self._dropped, self._wanted = [], [], [], {}
        ends = [match.end() for match in re.finditer(r"\r\n|\r|\n", text)]
        self.line_starts = [0, *ends]
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.parents = {
            child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)
        }

    # positions

    def position(self, line, column):
        """Return the index of the character at a line (from 1) and a column in UTF-8 bytes."""
        start = self.line_starts[line - 1]
        piece = self.text[start : start + column]
        if piece.isascii():
            return start + column
        return start + len(piece.encode("utf-8", "surrogatepass")[:column].decode("utf-8"))

    def span(self, node):
        """Return the start and the end of a node."""
        start = self.position(node.lineno, node.col_offset)
        return start, self.position(node.end_lineno, node.end_col_offset)

    def outer_span(self, node, least, most):
        """Return the span of a node with the parentheses around it between two positions."""
        start, end = self.span(node)
        while True:
            before = self.text[:start].rstrip()
            after = self.text[end:]
            wider = len(before) - 1, end + len(after) - len(after.lstrip()) + 1
            closed = before.endswith("(") and after.lstrip().startswith(")")
            if not closed or wider[0] <= least or wider[1] >= most:
                return start, end
            start, end = wider

    def item_span(self, call, node):
        """Return the span of an argument of a call with the parentheses of its own."""
        return self.outer_span(node, self.span(call.func)[1], self.span(call)[1])

    def source(self, node):
        """Return the text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def line(self, position):
        """Return the number of the line, from 1, in which a position lies."""
        return bisect_right(self.line_starts, position)

    def line_end(self, line):
        """Return the position of the end of a line, before its line end."""
        if line >= len(self.line_starts):
            return len(self.text)
        start, end = self.line_starts[line - 1], self.line_starts[line]
        return start + len(self.text[start:end].rstrip("\r\n"))

    def indent(self, statement):
        """Return the white space before the first statement of a line."""
        start = self.line_starts[statement.lineno - 1]
        return re.match(r"[ \t\f]*", self.text[start:]).group()

    def starts_line(self, statement):
        """Return whether nothing but white space stands before a statement."""
        start = self.span(statement)[0]
        return not self.text[self.line_starts[statement.lineno - 1] : start].strip()

    def ancestors(self, node):
        """Yield the nodes around a node, from the inside out."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def enclosing(self, node, *types):
        """Return the innermost node of the given types around a node, or None."""
        return next((x for x in self.ancestors(node) if isinstance(x, types)), None)

    # changes

    def edit(self, start, end, text, old=None, new=None):
        """Replace text[start:end]; the report shows `old` -> `new`, or the texts themselves."""
        old = self.text[start:end] if old is None else old
        self.edits.append(Edit(start, end, text, old, text if new is None else new))

    def replace(self, node, text):
        """Replace a node."""
        self.edit(*self.span(node), text)

    def edit_name(self, attribute, name):
        """Rename an attribute, and leave what it is of."""
        end, old = self.span(attribute)[1], attribute.attr
        self.edit(end - len(old), end, name, f".{old}", f".{name}")

    def insert(self, position, text, old, new, span=(0, 0)):
        """Insert text at an end of the span of a node; the report shows `old` -> `new`."""
        order = -span[1] if position == span[0] else -span[0]
        self.edits.append(Edit(position, position, text, old, new, order))

    def drop(self, statement):
        """Remove a statement, and its line if nothing else stands there."""
        self._dropped.append(statement)

    def by_hand(self, node, text):
        """Note what a person has to change before the script runs."""
        self.note(node, text, by_hand=True)

    def note(self, node, text, by_hand=False):
        """Note something about a node that needs no change."""
        note = Note(getattr(node, "lineno", 1), text, by_hand)
        if note not in self.notes:
            self.notes.append(note)

    def want(self, statement):
        """Add an import statement, unless the script has it."""
        self._wanted.setdefault(statement)

    # the result

    def finish(self):
        """Return the edits that hold, in order of position: an edit within another one is left."""
        edits = [*self.edits, *self._removals()]
        if self._wanted:
            edits.append(self._added_imports())
        kept, last = [], -1
        for edit in sorted(dict.fromkeys(edits), key=_order):
            if edit.start >= last:
                kept.append(edit)
                last = edit.end
        return kept

    def rewritten(self):
        """Return the text after all edits."""
        return apply(self.text, self.finish())

    def _added_imports(self):
        lines = list(self._wanted)
        place = self._last_import()
        if place is None:
            after = [x for x in self.tree.body if not is_docstring(x)]
            start = self.line_starts[after[0].lineno - 1] if after else len(self.text)
            text = "".join(line + self.newline for line in lines)
            return Edit(start, start, text, "(no import)", "; ".join(lines))
        end = self.line_end(place.end_lineno)
        text = "".join(self.newline + line for line in lines)
        return Edit(end, end, text, "(no import)", "; ".join(lines))

    def _last_import(self):
        """Return the last import of the head of the script, before functions and classes."""
        found = None
        for node in self.tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)) and node not in self._dropped:
                found = node
            elif found and isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.For, ast.With)):
                break
        return found

    def _removals(self):
        dropped = set(self._dropped)
        for statement in self._dropped:
            body = self._siblings(statement)
            if all(x in dropped for x in body) and body[0] is statement:
                if isinstance(self.parents[statement], ast.Module):
                    yield self._removal(statement)
                else:
                    yield Edit(*self.span(statement), "pass", self.source(statement), "pass")
            else:
                yield self._removal(statement)

    def _siblings(self, statement):
        for _, value in ast.iter_fields(self.parents[statement]):
            if isinstance(value, list) and statement in value:
                return value
        raise LookupError("a statement stands in the body of its parent")

    def _removal(self, statement):
        start, end = self.span(statement)
        line_end = self.line_end(statement.end_lineno)
        rest = self.text[end:line_end].strip()
        if self.starts_line(statement) and (not rest or rest.startswith("#")):
            start = self.line_starts[statement.lineno - 1]
            whole = statement.end_lineno
            end = self.line_starts[whole] if whole < len(self.line_starts) else len(self.text)
        elif rest.startswith(";"):
            end += re.match(r"\s*;[ \t]*", self.text[end:]).end()
        else:
            start -= len(re.search(r"[ \t]*;?[ \t]*$", self.text[:start]).group())
            colon = self.text[:start].rstrip().endswith(":")
            if colon:
                return Edit(*self.span(statement), "pass", self.source(statement), "pass")
        return Edit(start, end, "", self.source(statement), "(dropped)")


def _order(edit):
    return edit.start, edit.start < edit.end, edit.order, -edit.end


def apply(text, edits):
    """Return the text after edits that are sorted by position and do not overlap.

    >>> apply("abc", [Edit(0, 1, "x", "a", "x"), Edit(3, 3, "!", "", "!")])
    'xbc!'
    """
    pieces, last = [], 0
    for edit in edits:
        pieces += [text[last : edit.start], edit.text]
        last = edit.end
    return "".join([*pieces, text[last:]])


def is_docstring(statement):
    """Return whether a statement is a text alone."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def imported_modules(node):
    """Return the names of the modules that a node imports, or imports from."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def parse(text):
    """Return the syntax tree of a script; warnings about its own strings are not shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)
