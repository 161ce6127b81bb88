"""Check that each link within the built site leads to a file, and to a place in it."""

import os
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links and the places of a page of HTML."""

    def __init__(self, path):
        super().__init__()
        self.links, self.places = set(), {"", "top"}
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("id", "name"):
                self.places.add(value)
            elif name in ("href", "src") and value is not None:
                self.links.add(value)


def broken_links(folder):
    """Return the links of a site that lead nowhere, and those that need a network to be shown.

    Args:
        folder: Path, of HTML files. Links to other sites are not followed.

    Returns:
        list of str, each with the page and the link.
    """
    pages = {path: Page(path) for path in sorted(folder.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path
            if parts.path:
                target = folder / os.path.relpath(path.parent / unquote(parts.path), folder)
            place = unquote(parts.fragment)
            if not target.is_file() or (target in pages and place not in pages[target].places):
                found.append(f"{path.relative_to(folder)}: {link}")
    return found
