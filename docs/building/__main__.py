"""Build the site: python -m docs.building, which `make docs` does.

Warnings of Sphinx, broken links and equations that cannot be rendered end it with an error.
"""

import shutil
import sys

from sphinx.cmd.build import build_main

from docs.building.assemble import ROOT, assemble
from docs.building.links import broken_links

PAGES, SITE = ROOT / "build/pages", ROOT / "build/docs"


def main():
    assemble(PAGES)
    shutil.rmtree(SITE, ignore_errors=True)
    strict = ["-q", "-E", "-W", "--keep-going"]
    status = build_main(["-c", str(ROOT / "docs"), *strict, str(PAGES), str(SITE)])
    broken = broken_links(SITE)
    for link in broken:
        print(f"broken link: {link}", file=sys.stderr)
    print(f"{len(list(SITE.rglob('*.html')))} pages in {SITE.relative_to(ROOT)}/index.html")
    return status or int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
