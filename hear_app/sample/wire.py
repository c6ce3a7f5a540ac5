"""Requests and responses of the sample server, as plain values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

import orjson

JSON_TYPE = "application/json; charset=utf-8"
DOCUMENTATION = "https://docs.github.example/rest"


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `target` is path and query as they came, header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    base: str
    """Scheme and host the client used, for links."""

    @property
    def path(self) -> str:
        """The path, unquoted."""
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        """The query; of a repeated key the last value."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def token(self) -> str | None:
        """What follows the scheme in the Authorization header; None without one."""
        header = self.headers.get("authorization")
        return header.split(" ")[-1] if header else None


@dataclass(slots=True)
class Response:
    """One response; header names are in lower case."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class ApiError(Exception):
    """An answer other than success, with the message that its JSON carries."""

    def __init__(self, status: int, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.more = more

    def response(self) -> Response:
        """The error as GitHub words it: message, documentation_url, status."""
        body = {"message": self.message, "documentation_url": DOCUMENTATION, "status": str(self.status)}
        return Response(self.status, orjson.dumps(body | self.more), {"content-type": JSON_TYPE})


def not_found() -> ApiError:
    """What an unknown address answers, and one that the caller may not see."""
    return ApiError(404, "Not Found")


def with_etag(request: Request, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """200 with a weak ETag made from the body, or 304 where the caller already has it."""
    tag = f'W/"{hashlib.sha256(body).hexdigest()}"'
    shared = {
        "etag": tag,
        "cache-control": "public, max-age=60, s-maxage=60",
        "vary": "Accept, Authorization",
    }
    known = [part.strip() for part in request.headers.get("if-none-match", "").split(",")]
    if tag in known:
        return Response(304, b"", shared)
    return Response(200, body, {"content-type": JSON_TYPE, **shared, **(headers or {})})
