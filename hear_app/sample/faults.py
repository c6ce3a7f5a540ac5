"""Faults on demand, for tests: what servers, proxies and networks do wrong, one request at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import orjson

from hear_app.sample.wire import JSON_TYPE, ApiError, Request, Response

Kind = Literal[
    "500",
    "502",
    "503",
    "504",
    "401",
    "404",
    "429",
    "451",
    "403-secondary",
    "403-permission",
    "403-sso",
    "403-blocked",
    "drop",
    "truncate",
    "hang",
    "slow",
    "html",
    "badjson",
    "empty",
    "headers",
]
"""What happens instead of an answer. Some first make the real one and then spoil it: `truncate` (half a body,
then the connection ends), `slow` (it comes later), `html`, `badjson` (half a body, but well framed), `empty`
(`[]`), `headers` (with other headers)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `hang` and `slow` take `seconds`; `retry_after`, in seconds too, goes out as a header."""

    do: Kind
    seconds: float = 5.0
    retry_after: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class FaultRule:
    """A fault for requests whose `path?query` matches: `skip` of them pass, the next `times` are struck."""

    match: str
    fault: Fault
    skip: int = 0
    times: int = 1
    seen: int = 0

    def strike(self, request: Request) -> Fault | None:
        """The fault if it is this request's turn; counts the request if it matches."""
        if not re.search(self.match, request.target):
            return None
        self.seen += 1
        return self.fault if self.skip < self.seen <= self.skip + self.times else None


FaultHook = Callable[[Request], Fault | None] | Sequence[FaultRule]
"""A function that is asked about each request, or rules of which the first that strikes holds."""


def chosen(hook: FaultHook | None, request: Request) -> Fault | None:
    """The fault for this request, if any; every rule counts the request."""
    if hook is None:
        return None
    if callable(hook):
        return hook(request)
    return next((fault for fault in [rule.strike(request) for rule in hook] if fault), None)


_UNICORN = b"<!DOCTYPE html><html><body><h1>Unicorn!</h1><p>No server is available.</p></body></html>"
_HTML = {"content-type": "text/html; charset=utf-8"}
_SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "If you reach out to GitHub Support for help, please include the request ID."
)
_MESSAGES: dict[str, tuple[int, str]] = {
    "401": (401, "Bad credentials"),
    "404": (404, "Not Found"),
    "429": (429, "Too many requests"),
    "403-secondary": (403, _SECONDARY),
    "403-permission": (403, "Resource not accessible by personal access token"),
    "403-sso": (
        403,
        "Resource protected by organization SAML enforcement. You must grant your token access.",
    ),
}
_HEADERS: dict[str, dict[str, str]] = {
    "403-permission": {"x-accepted-github-permissions": "issues=read"},
    "403-sso": {"x-github-sso": "required; url=https://github.example/orgs/brackwater/sso"},
}
_BLOCK = {
    "reason": "dmca",
    "created_at": "2026-01-02T03:04:05Z",
    "html_url": "https://github.example/dmca/2026-01-02.md",
}


def replaces(fault: Fault) -> bool:
    """Whether the fault stands in for an answer; if not, the real answer is made first and then spoilt."""
    return fault.do not in ("truncate", "slow", "html", "badjson", "empty", "headers")


def stand_in(fault: Fault) -> Response:
    """The response of a fault that is a status of its own."""
    extra = {"retry-after": str(fault.retry_after)} if fault.retry_after is not None else {}
    if fault.do in ("500", "502", "503", "504"):
        return Response(int(fault.do), _UNICORN, {**_HTML, **extra, **fault.headers})
    if fault.do in ("451", "403-blocked"):
        body = {"message": "Repository access blocked", "block": _BLOCK}
        response = Response(int(fault.do[:3]), orjson.dumps(body), {"content-type": JSON_TYPE})
    else:
        response = ApiError(*_MESSAGES[fault.do]).response()
    response.headers |= {**_HEADERS.get(fault.do, {}), **extra, **fault.headers}
    return response


def spoilt(fault: Fault, response: Response) -> Response:
    """The real response as the fault leaves it. `truncate` and `slow` are the connection's business."""
    if fault.do == "html":
        return Response(200, _UNICORN, dict(_HTML))
    if fault.do == "badjson":
        return Response(response.status, response.body[: len(response.body) // 2], response.headers)
    if fault.do == "empty":
        kept = {name: value for name, value in response.headers.items() if name not in ("link", "etag")}
        return Response(200, b"[]", kept)
    if fault.do == "headers":
        response.headers |= fault.headers
    return response
