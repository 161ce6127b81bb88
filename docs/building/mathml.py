"""Render equations as MathML, which browsers draw without a script and without a network.

The conversion is that of docutils; a command of LaTeX that it does not know is an error.
"""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def visit_inline(writer, node):
    writer.body.append(converted(node, as_block=False))
    raise nodes.SkipNode


def visit_block(writer, node):
    equation = converted(node, as_block=True)
    writer.body.append(f'<div class="math" role="math">{equation}</div>\n')
    raise nodes.SkipNode


def converted(node, as_block):
    """Return an equation as MathML, or log a warning, which ends `make docs`, and return "" """
    try:
        return tex2mathml(node.astext(), as_block=as_block)
    except MathError as error:
        logger.warning("%s In: %s", error, node.astext(), location=node)
        return ""
