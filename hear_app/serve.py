"""`hear serve`: becomes Streamlit's process, so that a signal reaches it and nothing is left behind."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from hear_app import interrupt
from hear_app.errors import UsageError
from hear_app.settings import Settings

_LOCAL = "127.0.0.1"
# Streamlit answers signals itself as soon as it serves; until then it imports, which takes a while.
_START = """
from hear_app import interrupt
interrupt.answer()
from streamlit.web.cli import main
main(prog_name="streamlit")
"""


def serve(settings: Settings, port: int, address: str | None) -> NoReturn:
    """Replaces this process by the dashboard. Raises UsageError where the app is not installed.

    Without an address it is STREAMLIT_SERVER_ADDRESS (the image sets it), else this machine only.
    """
    app = settings.project_home / "app" / "dashboard.py"
    if not app.is_file():
        raise UsageError(f"There is no dashboard at {app}.", "Set HEAR_HOME to the folder that holds hear_app.")
    listen = address or os.environ.get("STREAMLIT_SERVER_ADDRESS") or _LOCAL
    options = {
        "server.port": str(port),
        "server.address": listen,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    # -P: no module of the working folder stands in for one of ours.
    command = [sys.executable, "-P", "-c", _START, "run", str(app), *flags]
    interrupt.hold()  # until the new program, which begins with nothing, answers them
    os.execve(command[0], command, _environment(settings))  # noqa: S606


def _environment(settings: Settings) -> dict[str, str]:
    """The dashboard reads one file and asks GitHub nothing: it gets the path, and no token."""
    kept = {name: value for name, value in os.environ.items() if name not in {"GITHUB_TOKEN", "GH_TOKEN"}}
    return {**kept, "HEAR_WAREHOUSE": str(settings.warehouse.absolute())}
