"""`hear serve`: becomes Streamlit's process, so that a signal reaches it and nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from hear_app import interrupt
from hear_app.errors import UsageError
from hear_app.host_check import HostCheck, known_hosts
from hear_app.settings import Settings

_LOCAL = "127.0.0.1"
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:.]+\]?")
# Streamlit answers signals itself as soon as it serves; until then it imports, which takes a while.
_START = """
from hear_app import interrupt
interrupt.answer()
from hear_app.serve import start
start()
"""
# What Python, Streamlit and the pages read. No token, no secret of a cloud, nothing that nobody thought of.
_PASSED_ON = re.compile(
    "PATH|HOME|USER|TMPDIR|TZ|TZDIR|LANG|LC_.*|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|VIRTUAL_ENV|PYTHON.*|STREAMLIT_.*"
    "|HEAR_WAREHOUSE|HEAR_HOME|TERM|NO_COLOR|XDG_.*"
)


def serve(settings: Settings, port: int, address: str | None, hosts: Sequence[str] = ()) -> NoReturn:
    """Replaces this process by the dashboard. Raises UsageError where the app is not installed, or a host is none.

    Without an address it is STREAMLIT_SERVER_ADDRESS (the image sets it), else this machine only. `hosts` are
    further names that it answers to.
    """
    app = settings.project_home / "app" / "dashboard.py"
    if not app.is_file():
        raise UsageError(f"There is no dashboard at {app}.", "Set HEAR_HOME to the folder that holds hear_app.")
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise UsageError(f"{host!r} is no host's name or address.", "Give it without a scheme and a port.")
    listen = address or os.environ.get("STREAMLIT_SERVER_ADDRESS") or _LOCAL
    told = json.dumps({"app": str(app), "port": port, "address": listen, "hosts": list(hosts)})
    # -P: no module of the working folder stands in for one of ours.
    command = [sys.executable, "-P", "-c", _START, told]
    interrupt.hold()  # until the new program, which begins with nothing, answers them
    os.execve(command[0], command, _environment(settings))  # noqa: S606


def start() -> None:
    """In the new program: serves what its argument tells, until a signal ends it."""
    import streamlit as st
    from starlette.middleware import Middleware

    interrupt.end()  # what the web server leaves to when it has closed its connections
    told = json.loads(sys.argv.pop())
    hosts = known_hosts(told["address"], told["hosts"])
    check = Middleware(HostCheck, hosts=hosts, names=told["hosts"])
    st.App(Path(told["app"]), middleware=[check]).run(
        config={
            "server.port": told["port"],
            "server.address": told["address"],
            "server.headless": True,
            "server.fileWatcherType": "none",
            "server.allowedHosts": hosts,
            # Else Streamlit asks a server on the internet for this machine's address, to print it.
            "browser.serverAddress": next(iter(told["hosts"]), "localhost"),
            "browser.gatherUsageStats": False,
        }
    )


def _environment(settings: Settings) -> dict[str, str]:
    """The dashboard reads one file and asks GitHub nothing: it gets the path, and no token."""
    kept = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
    return {**kept, "HEAR_WAREHOUSE": str(settings.warehouse.absolute())}
