"""The primary rate limit: a number of requests in a window, counted and told in headers as GitHub does."""

from __future__ import annotations

import math
import time
from threading import Lock

import orjson

from hear_app.sample.wire import JSON_TYPE, ApiError, Response


class Quota:
    """Counts requests; the window is real time, so that a client that waits for the reset gets a new one."""

    def __init__(self, limit: int, window: float) -> None:
        """`limit` requests in each `window` seconds."""
        self.limit = limit
        self.window = window
        self.used = 0
        self._ends = time.monotonic() + window
        self._lock = Lock()

    def spend(self) -> bool:
        """Take one request from the quota; False if none is left."""
        with self._lock:
            self._renew()
            if self.used >= self.limit:
                return False
            self.used += 1
            return True

    def give_back(self) -> None:
        """Return one: the answer turned out to be free."""
        with self._lock:
            self.used = max(0, self.used - 1)

    def refill(self) -> None:
        """Start a new window now."""
        with self._lock:
            self.used = 0
            self._ends = time.monotonic() + self.window

    def headers(self, now: float) -> dict[str, str]:
        """The x-ratelimit-* headers; `now` is the server's own clock, in seconds since 1970."""
        with self._lock:
            self._renew()
            return {
                "x-ratelimit-limit": str(self.limit),
                "x-ratelimit-remaining": str(self.limit - self.used),
                "x-ratelimit-used": str(self.used),
                "x-ratelimit-reset": str(self._reset(now)),
                "x-ratelimit-resource": "core",
            }

    def overview(self, now: float) -> Response:
        """What `GET /rate_limit` answers; asking costs nothing."""
        told = self.headers(now)
        core = {key: int(told[f"x-ratelimit-{key}"]) for key in ("limit", "remaining", "reset", "used")}
        body = orjson.dumps({"resources": {"core": core}, "rate": core})
        return Response(200, body, {"content-type": JSON_TYPE})

    def _reset(self, now: float) -> int:
        return math.ceil(now + self._ends - time.monotonic())

    def _renew(self) -> None:
        if time.monotonic() >= self._ends:
            self.used = 0
            self._ends = time.monotonic() + self.window


def exceeded() -> ApiError:
    """The answer once nothing is left."""
    return ApiError(403, "API rate limit exceeded for 127.0.0.1. (With a token the limit is higher.)")
