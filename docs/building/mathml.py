"""Render equations as MathML, which browsers draw without a script and without a network.

The conversion is that of docutils; a command of LaTeX that it does not know is an error.
"""

import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

# what docutils lacks, in words that it knows
KNOWN = {
    r"\dots": r"\ldots",
    r"\iff": r"\Longleftrightarrow",
    r"\big": r"\bigl",
    r"\Big": r"\Bigl",
    r"\stackrel": r"\overset",
}
LACKING = re.compile("(" + "|".join(map(re.escape, KNOWN)) + r")(?![A-Za-z])")
DIGITS = re.compile(
    r"(\\[dt]?frac)\s*(\d)\s*(\d)"
)  # \frac12, which docutils takes for one argument

logger = logging.getLogger(__name__)


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def visit_inline(writer, node):
    writer.body.append(rendered(node, as_block=False))
    raise nodes.SkipNode


def visit_block(writer, node):
    writer.body.append(f'<div class="equation">{rendered(node, as_block=True)}</div>\n')
    raise nodes.SkipNode


def rendered(node, as_block):
    """Return an equation as MathML; log a warning, which ends `make docs`, where it has a fault."""
    try:
        return mathml(node.astext(), as_block)
    except MathError as error:
        logger.warning("%s In: %s", error, node.astext(), location=node)
        return ""


def mathml(latex, as_block=False):
    """Convert LaTeX to MathML.

    Raises:
        MathError: a command or an environment is unknown, or the equation is not complete.
    """
    latex = LACKING.sub(lambda match: KNOWN[match[1]], latex)
    return tex2mathml(DIGITS.sub(r"\1{\2}{\3}", latex), as_block=as_block)
