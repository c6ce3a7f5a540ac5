"""The sample's loopback server: a token, limits, faults and a log around what api.py answers."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Self

from hear_app.sample import faults, quota
from hear_app.sample.api import Api
from hear_app.sample.clock import NOW
from hear_app.sample.connection import Listener
from hear_app.sample.history import SampleRepository
from hear_app.sample.wire import ApiError, Request, Response

_WAKE = 0.005
"""Seconds between looks at whether to stop: how long leaving the `with` block takes."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One request that was answered; `status` is 0 where the connection was cut instead."""

    method: str
    target: str
    headers: Mapping[str, str]
    status: int


class SampleServer:
    """GitHub on 127.0.0.1, on a free port, for as long as the `with` block lasts.

    To look at: `url`, `log`, `counts` (`requests`, and one for each status). To set, also while it runs:
    `date` (seconds since 1970, for the Date header), `token`, `quota`, `old_issues`, `rate_headers`, `fault`.
    """

    def __init__(
        self,
        repositories: Iterable[SampleRepository] | None = None,
        *,
        date: int = NOW,
        token: str | None = None,
        limit: int = 5000,
        window: float = 3600.0,
        old_issues: bool = False,
        rate_headers: bool = True,
        fault: faults.FaultHook | None = None,
        port: int = 0,
    ) -> None:
        """Serve these repositories; without any, the embedded sample.

        `token` is the only one accepted where a request carries one; `limit` requests may be made in each
        `window` seconds; `old_issues` pages issues by number; `rate_headers=False` is an Enterprise server
        that has its limits switched off; `port` is the one to listen on, 0 any free one.
        """
        self.api = Api(_embedded() if repositories is None else repositories)
        self.date = date
        self.token = token
        self.quota = quota.Quota(limit, window)
        self.old_issues = old_issues
        self.rate_headers = rate_headers
        self.fault = fault
        self.port = port
        self.log: list[LogEntry] = []
        self.counts: Counter[str] = Counter()
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._faults = threading.RLock()
        self._server: Listener | None = None

    @property
    def url(self) -> str:
        """The server's address, without a slash at its end. Raises RuntimeError outside the `with` block."""
        if self._server is None:
            raise RuntimeError("the sample server is not running")
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def repositories(self) -> list[SampleRepository]:
        """What is served; the list may be changed."""
        return self.api.repositories

    def repository(self, full_name: str) -> SampleRepository:
        """The repository of that name, spelled as it is. Raises KeyError if there is none."""
        for candidate in self.api.repositories:
            if candidate.full_name == full_name:
                return candidate
        raise KeyError(full_name)

    def __enter__(self) -> Self:
        self.stopping.clear()
        self._server = Listener(self, self.port)
        serve = partial(self._server.serve_forever, poll_interval=_WAKE)
        threading.Thread(target=serve, daemon=True, name="sample-server").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.hang_up()
            self._server.server_close()
            self._server = None

    def forget(self) -> None:
        """Empty the log and the counts, and start a new quota window."""
        with self._lock:
            self.log.clear()
            self.counts.clear()
        self.quota.refill()

    def note(self, request: Request, status: int) -> None:
        """Write a request to the log."""
        with self._lock:
            self.log.append(LogEntry(request.method, request.target, request.headers, status))
            self.counts.update(["requests", str(status)])

    def respond(self, request: Request, fault: faults.Fault | None) -> Response:
        """The response, with the limits' headers; a fault may stand in for it or spoil it."""
        if fault and faults.replaces(fault):
            response = faults.stand_in(fault)
            response.headers = self._rates() | response.headers
            return response
        try:
            response = self._permitted(request)
        except ApiError as error:
            response = error.response()
        response.headers = self._rates() | response.headers
        return faults.spoilt(fault, response) if fault else response

    def fault_for(self, request: Request) -> faults.Fault | None:
        """What is to go wrong with this request, if anything."""
        with self._faults:
            return faults.chosen(self.fault, request)

    def common_headers(self) -> dict[str, str]:
        """The headers of every response."""
        return {
            "server": "github.example",
            "date": formatdate(self.date, usegmt=True),
            "x-github-request-id": f"5A3B:{self.counts['requests']:06X}",
            "x-github-api-version-selected": "2022-11-28",
            "x-github-media-type": "github.v3; format=json",
        }

    def _permitted(self, request: Request) -> Response:
        if not request.headers.get("user-agent"):
            raise ApiError(403, "Request forbidden by administrative rules: please send a User-Agent header.")
        if self.token is not None and request.token not in (None, self.token):
            raise ApiError(401, "Bad credentials")
        if request.path == "/rate_limit":
            if not self.rate_headers:
                raise ApiError(404, "Rate limiting is not enabled.")
            return self.quota.overview(self.date)
        if not self.quota.spend():
            raise quota.exceeded()
        response = self.api.answer(request, old_issues=self.old_issues)
        if response.status == HTTPStatus.NOT_MODIFIED and request.token:
            self.quota.give_back()
        return response

    def _rates(self) -> dict[str, str]:
        return self.quota.headers(self.date) if self.rate_headers else {}


def _embedded() -> list[SampleRepository]:
    # Made only when it is served: servers of a test's own repositories start at once.
    from hear_app.sample.generator import generate

    return list(generate().values())
