"""Where the process begins: an interruption is answered before anything else is imported."""

from __future__ import annotations

import sys

from hear_app import interrupt


def main() -> None:
    """Runs the command line; ends the process."""
    interrupt.answer()
    from hear_app.cli import main as run

    sys.exit(run())


if __name__ == "__main__":
    main()
