"""Write the pages that show claims, from their results."""

import json
import re
from pathlib import Path

from claims.running import arrays, conclude, spread, write_text

DOCS = Path(__file__).parents[1] / "docs"
RESULTS = DOCS / "claims"
BLOCK = re.compile(r"<!-- claim: (\w+) -->\n.*?<!-- end -->", re.DOTALL)
HEAD = """# Claims

Each claim of the posts that was tried, by the command beside it. ± is the standard deviation over
seeds. One figure is called higher than another where the difference, seed by seed, is over two of
its standard errors. The models are small and trained from scratch on 2 cores: a verdict says what
happens here, at this size. Figures of the sources stand beside ours, marked as such.

`python -m claims` runs all of them and rewrites this page.

| claim | verdict | command |
|---|---|---|
"""


def rewrite_pages(results=RESULTS, docs=DOCS):
    """Rewrite docs/claims.md, and the blocks of docs/techniques/*.md, from NAME.json files.

    A block stands between the lines `<!-- claim: NAME -->` and `<!-- end -->`.
    """
    found = load_results(results)
    write_text(docs / "claims.md", claims_page(found))
    for page in sorted((docs / "techniques").glob("*.md")):
        text = page.read_text("utf-8")
        filled = filled_blocks(text, found)
        if filled != text:
            write_text(page, filled)


def conclude_again(folder=RESULTS):
    """Judge and draw the figures of a folder anew, after a claim was worded or drawn otherwise."""
    for name, result in load_results(folder).items():
        conclude(name, result, Path(folder))


def load_results(folder=RESULTS):
    """Return {name: result} of a folder."""
    paths = sorted(Path(folder).glob("*.json"))
    return {path.stem: json.loads(path.read_text("utf-8")) for path in paths}


def claims_page(results):
    """Return docs/claims.md: a table of all claims, then each with its figures and picture."""
    rows = (
        f"| [{r['claim']}](#{name.replace('_', '-')}) | **{r['verdict']}** "
        f"| `python -m claims {name}` |\n"
        for name, r in results.items()
    )
    parts = (f"\n## {name.replace('_', ' ')}\n\n{block(r, '')}" for name, r in results.items())
    return HEAD + "".join(rows) + "".join(parts)


def filled_blocks(text, results):
    """Return a page with the results between its marks; a claim without one is left as it is."""

    def filled(match):
        name = match[1]
        if name not in results:
            return match[0]
        return f"<!-- claim: {name} -->\n{block(results[name], '../')}<!-- end -->"

    return BLOCK.sub(filled, text)


def block(result, up):
    """Return a result as Markdown: claim, verdict, figures, picture, command.

    Args:
        result: dict of `claims.running.run_claim`. up: str, the way to the folder docs/.
    """
    name = result["name"]
    parts = [
        f"**{result['claim']}** {result['tried']}\n",
        f"**Verdict: {result['verdict']}.** {result['sentence']}\n",
        figures_table(result),
        f"Published: {result['published']}\n" if result["published"] else "",
        f"![{result['claim']}]({up}claims/{name}.png)\n",
        f"`python -m claims {name}`: {result['cpu_seconds']} CPU seconds on {result['backend']}. "
        f"Source: {result['source']}.\n",
    ]
    return "\n".join(part for part in parts if part)


def figures_table(result):
    """Return the numbers of a result as a table, "" if there are only curves."""
    numbers = {key: value for key, value in arrays(result).items() if value.ndim == 1}
    if not numbers:
        return ""
    seeds = len(next(iter(numbers.values())))
    head = "value" if seeds == 1 else f"{seeds} seeds"
    rows = "".join(f"| {key} | {spread(value)} |\n" for key, value in numbers.items())
    return f"| figure | {head} |\n|---|---|\n{rows}"
