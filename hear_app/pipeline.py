"""What a run is about, and its first half: from GitHub to the landing zone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hear_app import listing, warehouse
from hear_app.errors import UsageError
from hear_app.github.client import Client
from hear_app.github.limits import Limits
from hear_app.landing import Landing
from hear_app.progress import reporting
from hear_app.settings import SAMPLE_SOURCE, Settings
from hear_app.sync import RepositoryResult, Sync
from hear_app.terminal import say


@dataclass(frozen=True, slots=True)
class Plan:
    """Which repositories of which API; `why` says how they came to be chosen."""

    names: tuple[str, ...]
    source: str
    api_url: str
    token: str | None
    why: str

    @property
    def is_sample(self) -> bool:
        return self.source == SAMPLE_SOURCE


@contextlib.contextmanager
def planned(settings: Settings, names: Sequence[str], landing: Landing, sample: bool) -> Iterator[Plan]:
    """What this run is about: the names given, else HEAR_REPOS, else what has landed, else the sample.

    The sample's server runs for as long as the block lasts. Raises UsageError, LandingError.
    """
    if settings.api_source == SAMPLE_SOURCE:
        raise UsageError(f"HEAR_SOURCE={SAMPLE_SOURCE} is the embedded sample's own name.", "Take another one.")
    landed = landing.repositories(settings.api_source).values()
    if names and sample:
        raise UsageError("--sample takes no repository names.", "Give either.")
    if names:
        yield _asked(settings, names, "")
    elif settings.named_repositories and not sample:
        yield _asked(settings, settings.named_repositories, "named in HEAR_REPOS")
    elif landed and not sample:
        yield _asked(settings, sorted(known.full_name or "" for known, _ in landed), "landed before")
    else:
        with _sample_server() as (url, repositories):
            why = "the embedded sample" + ("" if sample else ", as no repository was named")
            yield Plan(repositories, SAMPLE_SOURCE, url, None, why)


def _asked(settings: Settings, names: Sequence[str], why: str) -> Plan:
    return Plan(tuple(names), settings.api_source, settings.api_url, settings.token_to_send(), why)


@contextlib.contextmanager
def _sample_server() -> Iterator[tuple[str, tuple[str, ...]]]:
    from hear_app.sample.generator import generate
    from hear_app.sample.server import SampleServer

    repositories = generate()
    with SampleServer(list(repositories.values())) as server:
        yield server.url, tuple(sorted(repositories))


def sync(
    plan: Plan, settings: Settings, landing: Landing, full: bool = False, accept_deletions: bool = False
) -> list[RepositoryResult]:
    """From the API to the landing zone.

    Raises TokenRejectedError; BusyError where another run took the landing zone over. Other failures stand in the
    results.
    """
    listing.announce(plan.names, plan.api_url, plan.why)
    with reporting() as reporter:
        limits = Limits(settings.workers, settings.max_wait, on_wait=reporter.waiting)
        client = Client(plan.api_url, plan.token, limits, max_response=settings.max_response)
        job = Sync(
            client,
            landing,
            plan.source,
            reporter,
            settings.workers,
            full,
            estimates=not plan.is_sample,
            accept_deletions=accept_deletions,
        )
        results = job.run(plan.names)
    landing.check_lock()  # that it was lost while they ran is no one repository's failure
    say(f"{limits.requests:,} requests{_quota(limits) if not plan.is_sample else ''}")
    return results


def _quota(limits: Limits) -> str:
    """What the run used of the limit, where the server keeps one; its first request is one more."""
    quota = limits.quota
    if quota.limit is None or quota.remaining is None:
        return ""
    return f"; of the quota of {quota.limit:,} about {limits.quota_used:,} used, {quota.remaining:,} left"


def real_sources(landing: Landing) -> list[str]:
    """The sources of real repositories that anything has landed of."""
    return [source for source in landing.sources() if source != SAMPLE_SOURCE]


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Landing]:
    """The landing zone, which other warehouses may share, locked for this run, and before it the warehouse.

    Raises BusyError, LandingError, WarehouseError.
    """
    with warehouse.run_lock(settings.warehouse):
        landing = Landing(settings.landing_root)
        with landing.lock():
            yield landing
