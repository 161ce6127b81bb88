"""Try claims of the posts: figures with deviations, a picture and a verdict of each.

    python -m claims                     # all of them, about an hour on 2 cores
    python -m claims flooding gelu       # two
    python -m claims flooding --small    # seconds, to see that it runs; its figures mean nothing
    python -m claims --pages             # measures nothing: judges, draws and writes pages anew

Results go to docs/claims/NAME.json and NAME.png; docs/claims.md and the blocks of
docs/techniques/*.md that show claims are rewritten from the results.
"""

import argparse
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path

# PyTorch compiles nothing, and most models here are small
os.environ.setdefault("KERAS_BACKEND", "torch" if find_spec("torch") else "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from claims import pages, running


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="claims; all by default")
    parser.add_argument("--seeds", type=int, help="how many; by default as each claim says")
    parser.add_argument("--small", action="store_true", help="the smallest size, into --out only")
    parser.add_argument("--out", help="folder of NAME.json and NAME.png; docs/claims by default")
    parser.add_argument("--pages", action="store_true", help="from the figures that are there")
    args = parser.parse_args(arguments)
    unknown = set(args.names) - set(running.claim_names())
    if unknown:
        known = ", ".join(running.claim_names())
        parser.error(f"no claim is called {', '.join(sorted(unknown))}; there are: {known}")
    if args.seeds is not None and args.seeds < 1:
        parser.error("--seeds must be at least 1")
    out = Path(args.out or (tempfile.mkdtemp(prefix="claims-") if args.small else pages.RESULTS))
    if args.small and out.resolve() == pages.RESULTS:
        parser.error("the figures of --small mean nothing and must not be kept in docs/claims")
    out.mkdir(parents=True, exist_ok=True)
    if args.pages:
        pages.conclude_again(out)
    for name in [] if args.pages else args.names or running.claim_names():
        print(running.run_claim(name, out, seeds=args.seeds, small=args.small), flush=True)
    if out.resolve() == pages.RESULTS:
        pages.rewrite_pages()
    else:
        print(f"The pictures are in {out}")


if __name__ == "__main__":
    main()
