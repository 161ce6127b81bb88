"""Pictures without a screen, in fonts that have the characters of the text."""

import contextlib
import functools
import warnings

from kerasx.files.atomic import atomic_path

__all__ = ["drawing", "figure_class", "font_families", "save_figure"]

# installed with common systems; matplotlib's own font has no Chinese
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
    """matplotlib's Figure, which needs no screen and leaves the user's own windows alone."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError("pictures need matplotlib; pip install kerasx[analysis]") from error
    return Figure


@contextlib.contextmanager
def drawing(*texts):
    """Within the block what is drawn and saved uses fonts that have the characters of the texts.

    Characters that no font has come out as boxes, and a warning says which.

    Args:
        texts: what will be written, strings.

    Yields:
        the Figure class.
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
    """Names of fonts, the next for what the one before lacks; and the characters that all lack.

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
    """What a font has; nothing if it is not installed."""
    from matplotlib import font_manager, ft2font

    if family not in _families():
        return frozenset()
    path = font_manager.findfont(family)
    return frozenset(chr(code) for code in ft2font.FT2Font(path).get_charmap())


@functools.lru_cache
def _families():
    """Names of the installed fonts, also of those newer than matplotlib's list of them."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    listed = {entry.fname for entry in fontManager.ttflist}
    for path in sorted(set(findSystemFonts()) - listed):
        if "CJK" in path:  # others may be of kinds that matplotlib cannot read
            fontManager.addfont(path)
    return {entry.name for entry in fontManager.ttflist}


def save_figure(figure, path, dpi=150):
    """Write the figure to `path` whole: a viewer never sees half of one.

    Args:
        path: ends in `.png`, `.svg` or `.pdf`, in an existing folder.
    """
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dpi)
