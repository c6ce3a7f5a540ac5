"""GitHub's limits, kept for all workers at once: how many requests may fly, and when the next may start.

Rules: docs.github.com, "Rate limits for the REST API" and "Best practices": `retry-after` first; else, with
nothing remaining, the reset time; else a minute, doubling with each refusal. A refusal lets the
concurrency fall to one request, which recovers one by one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from hear_app.errors import RateLimitedError

SECONDARY_WAIT = 60.0  # seconds, where the server names none
RESET_MARGIN = 1.0  # the reset time is in whole seconds
_RECOVERY = 20  # answers in a row before one more request may fly
_FAR = 10**10  # seconds or requests: what is more is no different, and floats hold it
_DAY = 86_400  # seconds
_YEARS = range(2008, 2100)  # of GitHub: a clock outside them is none
_PATIENCE = 4  # refusals in a row before waits grow beyond what the server asks for


@dataclass(frozen=True, slots=True)
class Quota:
    """The primary limit as the last answer told it; None where the server keeps none."""

    limit: int | None
    remaining: int | None
    reset_in: float | None  # seconds, by the server's clock


def read_quota(headers: Mapping[str, str]) -> Quota:
    """The primary limit out of an answer's headers; the reset is measured by the server's own Date."""
    reset, remaining, limit = (
        _number(headers.get(f"x-ratelimit-{name}")) for name in ("reset", "remaining", "limit")
    )
    served = server_time(headers)
    reset_in = None
    if limit == 0:  # an Enterprise server whose limits are off may say so
        return Quota(None, None, None)
    if reset is not None:
        reset_in = max(0.0, reset - (served.timestamp() if served else time.time()))
    return Quota(limit=limit, remaining=remaining, reset_in=reset_in)


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """The answer's Date header, in UTC, or None where it has none that can be read, or one that can't be true."""
    date = _date(headers.get("date"))
    return date if date and date.year in _YEARS else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of a `retry-after` header, which may also be a date."""
    text = headers.get("retry-after")
    number, date = _number(text), _date(text)
    if number is not None:
        return float(number)
    if date is None:
        return None
    served = server_time(headers)
    return max(0.0, date.timestamp() - (served.timestamp() if served else time.time()))


def _date(text: str | None) -> datetime | None:
    """A date as HTTP writes it, in UTC; None where it is none that exists."""
    try:
        date = parsedate_to_datetime(text or "")
        return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _number(text: str | None) -> int | None:
    """The number in a header, as far as numbers have a meaning there."""
    digits = (text or "").strip()
    if not (digits.isascii() and digits.isdecimal()):
        return None
    return min(int(digits), _FAR) if len(digits) <= len(str(_FAR)) else _FAR


def _duration(seconds: float) -> str:
    """A wait in words that can be read: nobody counts the seconds of years."""
    days = seconds / _DAY
    if days < 2:
        return f"{seconds:,.0f} s"
    return f"{days:,.0f} days" if days < 3650 else "more than ten years"


class Limits:
    """One gate for all workers. `max_wait` bounds the seconds that one run may spend waiting for limits.

    `sleep` is what waits, and `clock` what it moves on, both in seconds; tests give their own.
    """

    def __init__(
        self,
        workers: int,
        max_wait: float,
        on_wait: Callable[[str, float], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workers = self._allowed = workers
        self._max_wait = max_wait
        self._on_wait = on_wait
        self._sleep = sleep
        self._clock = clock
        self._changed = threading.Condition()
        self._flying = 0
        self._smooth = 0
        self._refusals = 0
        self._resume_at = 0.0
        self._reason = ""
        self._waited = 0.0
        self.quota = Quota(None, None, None)
        self.quota_used = 0
        self._least: int | None = None
        self.requests = 0

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Room for one request: waits for a free one and for a limit to pass.

        Raises RateLimitedError where that wait is longer than what is left of `max_wait`.
        """
        while not self._take():
            self._wait()
        try:
            yield
        finally:
            with self._changed:
                self._flying -= 1
                self._changed.notify()

    def answered(self, quota: Quota) -> None:
        """An answer came: counts it, and holds the next request where nothing remains."""
        with self._changed:
            self.requests += 1
            self._count(quota)
            if not self._is_held():
                self._refusals = 0
            self._smooth += 1
            if self._smooth >= _RECOVERY and self._allowed < self._workers:
                self._allowed, self._smooth = self._allowed + 1, 0
                self._changed.notify()
        if quota.remaining == 0 and quota.reset_in is not None:
            self.hold("the rate limit", quota.reset_in + RESET_MARGIN)

    def _count(self, quota: Quota) -> None:
        """Adds up what the server says was used. Answers overtake each other; a new window has more left again."""
        if quota.limit is None or quota.remaining is None:
            return
        self.quota = quota
        if self._least is None or quota.remaining > self._least + self._workers:
            self._least = quota.remaining
        self.quota_used += max(0, self._least - quota.remaining)
        self._least = min(self._least, quota.remaining)

    def refused(self, reason: str, seconds: float | None) -> None:
        """A limit refused a request: all wait, and one request at a time flies until it goes smoothly again."""
        with self._changed:
            self.requests += 1
            self._allowed, self._smooth = 1, 0
            if not self._is_held():
                self._refusals += 1
            again = max(0, self._refusals - 1)
        least = 2.0 ** max(0, again - _PATIENCE)  # a server that always says "at once" is not asked for ever
        self.hold(reason, SECONDARY_WAIT * 2.0**again if seconds is None else max(seconds, least))

    def hold(self, reason: str, seconds: float) -> None:
        """No request starts for this many seconds from now."""
        with self._changed:
            now = self._clock()
            if now + seconds > self._resume_at:
                self._waited += now + seconds - max(now, self._resume_at)
                self._resume_at, self._reason = now + seconds, reason

    def _is_held(self) -> bool:
        """Whether no request may start now; what is answered or refused meanwhile flew before."""
        return self._clock() < self._resume_at

    def _take(self) -> bool:
        with self._changed:
            free = self._flying < self._allowed and not self._is_held()
            self._flying += free
            return free

    def _wait(self) -> None:
        left = self._resume_at - self._clock()
        if left <= 0:
            with self._changed:
                self._changed.wait_for(lambda: self._flying < self._allowed, timeout=1.0)
            return
        if self._waited > self._max_wait + RESET_MARGIN:  # an hour is enough for a limit by the hour
            asked, allowed = _duration(left), _duration(self._max_wait)
            raise RateLimitedError(
                f"GitHub asks to wait {asked} for {self._reason}; --max-wait is {allowed}.",
                "What has landed is kept: run again later, allow more, or set GITHUB_TOKEN.",
            )
        if self._on_wait is not None:
            self._on_wait(self._reason, left)
        self._sleep(min(left, 1.0))
