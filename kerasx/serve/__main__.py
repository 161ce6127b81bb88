"""Serve a model: `python -m kerasx.serve FOLDER`"""

import argparse
import sys
from dataclasses import fields

from kerasx.serve import create_app
from kerasx.serve.server_limits import LOOPBACK, Limits

_HELP = {
    "max_batch": "rows computed at once",
    "max_wait_ms": "milliseconds that an incomplete batch waits for more requests",
    "queue": "requests that may wait; further ones are answered 429",
    "max_new_tokens": "tokens generated at most",
    "max_prompt": "tokens of a prompt at most",
    "timeout": "seconds until a request is given up",
    "max_body": "bytes of a request's body at most",
    "max_alternatives": "beams or samples of a request at most",
    "generators": "decoding settings that stay compiled",
}


def main(arguments=None):
    """Run the command line; return the exit code: 0, or 2 after a one-line error."""
    options = vars(_parser().parse_args(arguments))
    folder, host, port = (options.pop(name) for name in ("folder", "host", "port"))
    hosts = _hosts(host, options.pop("allow_host"))
    try:
        app = create_app(folder, hosts, options.pop("start_id"), options.pop("name"), **options)
        import uvicorn

        from kerasx.serve.server import server_options
    except (ValueError, OSError, ImportError) as error:
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        return 2
    if host not in LOOPBACK:
        print(
            f"warning: {host} may be reached from other machines. There is no password and no "
            "encryption; put a server that has them in front.",
            file=sys.stderr,
        )
    print(f"http://{'[' + host + ']' if ':' in host else host}:{port}/", flush=True)
    served = server_options(Limits(**options))
    uvicorn.run(app, host=host, port=port, log_level="warning", **served)
    return 0


def _hosts(host, allowed):
    """Return the host names of requests; None (any) if it listens everywhere and none are given."""
    if host in ("0.0.0.0", "::", "") and not allowed:
        return None
    return (*LOOPBACK, host, *allowed)


def _parser():
    parser = argparse.ArgumentParser(prog="python -m kerasx.serve", description=__doc__)
    parser.add_argument(
        "folder", help="a folder of kerasx.models.save_model, Hugging Face or TensorFlow"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="a host name of requests"
    )
    parser.add_argument(
        "--start-id", type=int, help="the first token of an encoder-decoder's decoder"
    )
    parser.add_argument("--name", help="the model's name in OpenAI's protocol")
    for field in fields(Limits):
        name = "--" + field.name.replace("_", "-")
        parser.add_argument(name, type=field.type, default=field.default, help=_HELP[field.name])
    return parser


if __name__ == "__main__":
    sys.exit(main())
