"""The main job: what to sync, from GitHub to the landing zone, and from there to the published file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from hear_app import bronze, listing, transform, verify, warehouse
from hear_app.errors import HearError, ProofError, UsageError, WarehouseError
from hear_app.github.client import Client
from hear_app.github.limits import Limits
from hear_app.landing import Landing
from hear_app.progress import reporting
from hear_app.settings import SAMPLE_SOURCE, Settings
from hear_app.sync import RepositoryResult, Sync


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


@dataclass(frozen=True, slots=True)
class Published:
    """What the published file says of itself."""

    sources: frozenset[str]
    objects: set[str]
    digests: bronze.Digests
    is_empty: bool = False


@contextlib.contextmanager
def planned(settings: Settings, names: Sequence[str], landing: Landing, sample: bool) -> Iterator[Plan]:
    """What this run is about: the names given, else HEAR_REPOS, else what has landed, else the sample."""
    token = settings.github_token.get_secret_value() if settings.github_token else None
    if settings.api_source == SAMPLE_SOURCE:
        raise UsageError(f"HEAR_SOURCE={SAMPLE_SOURCE} is the embedded sample's own name.", "Take another one.")
    given = Plan((), settings.api_source, settings.api_url, token, "")
    landed = tuple(sorted(known.full_name or "" for known, _ in landing.repositories(given.source).values()))
    if names and sample:
        raise UsageError("--sample takes no repository names.", "Give either.")
    if names:
        yield replace(given, names=tuple(names), why="")
    elif settings.named_repositories and not sample:
        yield replace(given, names=settings.named_repositories, why="named in HEAR_REPOS")
    elif landed and not sample:
        yield replace(given, names=landed, why="landed before")
    else:
        with _sample_server() as (url, repositories):
            yield Plan(
                repositories,
                SAMPLE_SOURCE,
                url,
                None,
                "the embedded sample" + ("" if sample else ", as no repository was named"),
            )


@contextlib.contextmanager
def _sample_server() -> Iterator[tuple[str, tuple[str, ...]]]:
    from hear_app.sample.generator import generate
    from hear_app.sample.server import SampleServer

    repositories = generate()
    with SampleServer(list(repositories.values())) as server:
        yield server.url, tuple(sorted(repositories))


def sync(plan: Plan, settings: Settings, landing: Landing, full: bool = False) -> list[RepositoryResult]:
    """From the API to the landing zone. Raises TokenRejectedError; other failures stand in the results."""
    with reporting() as reporter:
        limits = Limits(settings.workers, settings.max_wait, on_wait=reporter.waiting)
        client = Client(plan.api_url, plan.token, limits)
        job = Sync(client, landing, plan.source, reporter, settings.workers, full, estimates=not plan.is_sample)
        results = job.run(plan.names)
    remaining = f", {limits.quota.remaining:,} of {limits.quota.limit:,} left" if limits.quota.limit else ""
    listing.say(f"{limits.requests:,} requests{remaining if not plan.is_sample else ''}")
    return results


def published_state(path: Path) -> Published | None:
    """What a published file holds; None where there is none. Raises WarehouseError where it is none of ours."""
    if not path.exists():
        return None
    warehouse.drop_orphaned_wal(path)
    with warehouse.reading(path) as connection:
        try:
            digests = connection.execute(
                "select bronze_digest, models_digest, people_digest from bronze.runs order by _run_id desc limit 1"
            ).fetchall()
            sources = connection.execute("select distinct source from bronze.loads").fetchall()
            objects = bronze.known_objects(connection)
        except duckdb.CatalogException as error:
            raise WarehouseError(
                f"{path} is a DuckDB database that hear_app did not make.",
                "Set HEAR_WAREHOUSE to another file, or move this one away.",
            ) from error
    built = bronze.Digests(*digests[0]) if digests else bronze.Digests("", "", "")
    return Published(frozenset(source for (source,) in sources), objects, built, is_empty=not sources)


def real_sources(landing: Landing) -> list[str]:
    """The sources of real repositories that anything has landed of."""
    return [source for source in landing.sources() if source != SAMPLE_SOURCE]


@dataclass(frozen=True, slots=True)
class Build:
    """One build of the published file from the landing zone: `sources` are read, `full` forgets the present."""

    settings: Settings
    landing: Landing
    sources: list[str]
    full: bool = False

    def run(self, results: list[RepositoryResult] | None = None) -> bool:
        """Builds and publishes if there is anything to build; returns whether there was.

        Raises a HearError where that fails; the published file is then as it was.
        """
        settings, published = self.settings, published_state(self.settings.warehouse)
        project = settings.project_home
        built = bronze.digests(project, settings.people_path)
        afresh = (
            self.full or published is None or published.digests.bronze != built.bronze or self._replaces(published)
        )
        known = set() if afresh or published is None else published.objects
        waiting = bronze.pending(self.landing, self.sources, known)
        if not afresh and not waiting and published and published.digests == built:
            _print_results(results, {})
            return False
        if not waiting and afresh:
            raise HearError("Nothing has landed to build from.", "`hear run` syncs first.")
        warehouse.start_build(settings.warehouse, settings.build_path, afresh)
        with warehouse.writing(settings.build_path) as connection:
            connection.execute(bronze.schema_sql())
            summary = bronze.load(connection, self.landing, waiting, settings.people_path, built)
        _print_results(results, summary.rows)
        transform.debug(project, settings.build_path)
        transform.build_models(project, settings.build_path, self.full)
        self._prove()
        warehouse.compact_if_sparse(settings.build_path)
        warehouse.publish(settings.build_path, settings.warehouse)
        return True

    def _replaces(self, published: Published) -> bool:
        """Whether the file holds the sample and real repositories come, or the other way round; says so."""
        held, comes = SAMPLE_SOURCE in published.sources, SAMPLE_SOURCE in self.sources
        if published.is_empty or held == comes:
            return False
        if comes:
            raise UsageError(
                f"{self.settings.warehouse} holds real repositories, which the sample would replace.",
                "Set HEAR_WAREHOUSE to another file for the sample.",
            )
        listing.say(f"{self.settings.warehouse} held the embedded sample: your repositories replace it.")
        return True

    def _prove(self) -> None:
        with warehouse.reading(self.settings.build_path) as connection:
            proofs = verify.prove(connection, self.landing)
        failed = verify.failures(proofs)
        if failed:
            raise ProofError(
                "\n".join(failed),
                f"The last good file stays; the build is kept in {self.settings.build_path}.",
            )
        repositories = len({proof.repository for proof in proofs})
        listing.say(f"Proofs: {len(proofs)} of {len(proofs)} hold for {repositories} repositories.")


def _print_results(results: list[RepositoryResult] | None, loaded: dict[tuple[int, str], int]) -> None:
    if results is not None:
        listing.print_results(results, loaded)


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Landing]:
    """The landing zone, with the warehouse's folder locked for this run. Raises BusyError, LandingError."""
    with warehouse.run_lock(settings.warehouse):
        yield Landing(settings.landing_root)
