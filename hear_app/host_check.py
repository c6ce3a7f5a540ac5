"""Who may ask the dashboard: only a browser that was pointed at it by a name of its own.

A stranger's page can have its own name resolve to this machine (DNS rebinding), and can open a websocket to any
address. Both give themselves away: by the Host that is asked for and by the Origin that asks.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[Any]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def known_hosts(address: str, names: Iterable[str] = ()) -> list[str]:
    """The names and addresses that a dashboard listening on `address` answers to, those given with it included."""
    given = [name.lower().strip("[]").rstrip(".") for name in (address, *names)]
    return list(dict.fromkeys([*_LOOPBACK, *(name for name in given if not _is_wildcard(name))]))


class HostCheck:
    """ASGI middleware: a request or websocket to an unknown Host, or from another Origin, gets a 403.

    An Origin is ours where it is what is asked for, port and all; or where it is one of `names`, which may stand
    on a proxy before this server. Programs that are no browsers send none.
    """

    def __init__(self, app: _App, hosts: Iterable[str], names: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._names = frozenset(name for name in known_hosts("", names) if name not in _LOOPBACK)

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "lifespan" or (why := self._refusal(scope["headers"])) is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: a 403
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": why.encode()})

    def _refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """Why a request is refused; None where it is not."""
        asked = [value.decode("latin-1") for name, value in headers if name == b"host"]
        host = _authority(asked[0]) if len(asked) == 1 else None
        if host is None or host[0] not in self._hosts:
            return "The dashboard does not answer to this name. If it is yours: hear serve --host NAME\n"
        for origin in (value.decode("latin-1") for name, value in headers if name == b"origin"):
            scheme, _, rest = origin.partition("://")
            known = _authority(rest) if scheme in {"http", "https"} else None
            if known is None or (known != host and known[0] not in self._names):
                return "The dashboard does not answer another site's page.\n"
        return None


def _authority(text: str) -> tuple[str, int | None] | None:
    """Host and port of `host[:port]`, the host in lower case; None where it is anything else."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or parts.netloc != text or "@" in text or not text.isascii() or text.endswith(":"):
        return None
    return host.rstrip("."), port


def _is_wildcard(address: str) -> bool:
    try:
        return not address or ipaddress.ip_address(address).is_unspecified
    except ValueError:
        return False
