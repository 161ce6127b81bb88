"""Settings of the site; `make docs` builds it, see docs/building."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import kerasx

project = "kerasx"
author = "the authors of kerasx"
copyright = author
version = release = kerasx.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "docs.building.docstrings",
    "docs.building.mathml",
]
nitpicky = True
nitpick_ignore = [("py:class", "collections.abc.Callable")]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
myst_dmath_double_inline = True
myst_links_external_new_tab = False

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = ["Returns", "Yields"]  # plain sentences, not "type: text"
default_role = "code"

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = "kerasx"
html_show_copyright = False
html_copy_source = False
html_math_renderer = "mathml"
