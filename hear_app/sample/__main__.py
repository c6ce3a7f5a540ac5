"""Serves the sample until it is interrupted: `python -m hear_app.sample --help`."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable, Sequence

from hear_app.sample.big import big_repository
from hear_app.sample.server import SampleServer

_forever = threading.Event()


def main(arguments: Sequence[str] | None = None, wait: Callable[[], object] = _forever.wait) -> None:
    """Print the addresses of what is served, and serve it for as long as `wait` takes."""
    given = _options().parse_args(arguments)
    large = [big_repository(*given.big)] if given.big else None
    with SampleServer(large, token=given.token, limit=given.limit, port=given.port) as server:
        for repository in server.repositories:
            print(f"{server.url}/repos/{repository.full_name}", flush=True)
        try:
            wait()
        except KeyboardInterrupt:
            print("stopped")


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m hear_app.sample", description=__doc__)
    options.add_argument("--port", type=int, default=0, help="the port to listen on (default: any free one)")
    options.add_argument("--token", help="the only token to accept (default: any)")
    options.add_argument("--limit", type=int, default=1_000_000, help="requests an hour (default: a million)")
    options.add_argument(
        "--big",
        type=int,
        nargs=2,
        metavar=("COMMITS", "ISSUES"),
        help="serve one large repository, brackwater/ocean, instead of the sample's five",
    )
    return options


if __name__ == "__main__":
    main()
