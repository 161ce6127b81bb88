"""Draw matplotlib figures without a screen, in fonts that have Chinese characters."""

import contextlib
import functools
import warnings

from kerasx.files.atomic import atomic_path

# fonts of common systems; the default font of matplotlib has no Chinese
_CHINESE = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
    "Heiti SC",
    "Hiragino Sans GB",
    "Noto Sans CJK JP",
    "Noto Serif CJK SC",
    "Arial Unicode MS",
)


def figure_class():
    """Return the Figure class of matplotlib, which opens no window, unlike pyplot."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError("pictures need matplotlib; pip install kerasx[analysis]") from error
    return Figure


@contextlib.contextmanager
def drawing(*texts):
    """Set fonts, within the block, that have all characters of the given texts.

    A warning lists characters that no installed font has; they are drawn as boxes.

    Args:
        texts: the str in the figure.

    Yields:
        The Figure class of matplotlib.
    """
    figure = figure_class()
    import matplotlib

    families, missing = font_families("".join(texts))
    if missing:
        warnings.warn(
            f"No installed font has {missing!r}, drawn as boxes; install one that does, such as "
            "Noto Sans CJK.",
            stacklevel=3,
        )
    with matplotlib.rc_context({"font.family": families}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield figure


def font_families(text):
    """Return the names of fonts that together cover a text, and the characters that none has.

    >>> font_families("abc")
    (['DejaVu Sans'], '')
    """
    families, missing = ["DejaVu Sans"], set(text) - {"\n"}
    missing -= _characters("DejaVu Sans")
    for family in _CHINESE if missing else ():
        had = missing & _characters(family)
        if had:
            families.append(family)
            missing = missing - had
        if not missing:
            break
    return families, "".join(sorted(missing))


@functools.lru_cache
def _characters(family):
    """Return the characters of a font, none if it is not installed."""
    from matplotlib import font_manager, ft2font

    if family not in _families():
        return frozenset()
    path = font_manager.findfont(family)
    return frozenset(chr(code) for code in ft2font.FT2Font(path).get_charmap())


@functools.lru_cache
def _families():
    """Return the names of the installed fonts, also of fonts that matplotlib's cache lacks."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    listed = {entry.fname for entry in fontManager.ttflist}
    for path in sorted(set(findSystemFonts()) - listed):
        if "CJK" in path:  # matplotlib cannot read some other fonts
            fontManager.addfont(path)
    return {entry.name for entry in fontManager.ttflist}


def save_figure(figure, path, dpi=150):
    """Write a figure to a file atomically.

    Args:
        figure: a Figure of matplotlib.
        path: path ending in `.png`, `.svg` or `.pdf`, in an existing folder.
        dpi: int, dots per inch.
    """
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dpi)
