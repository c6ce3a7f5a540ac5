"""Points in time, as whole seconds since 1970 (UTC), and the day on which the sample's world stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def seconds(text: str) -> int:
    """Seconds since 1970 of an ISO 8601 time; without a zone it counts as UTC. ValueError otherwise."""
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(seconds=1)


def iso(at: int) -> str:
    """The time as the API writes it: `2026-06-15T12:00:00Z`."""
    # timedelta rather than fromtimestamp(): the latter's range depends on the machine's C library.
    return (_EPOCH + timedelta(seconds=at)).isoformat()[:19] + "Z"


NOW = seconds("2026-06-15T12:00:00Z")
"""What the sample server says in its Date header: nothing ordinary happens after it."""
