"""From the landing zone to the published file: load, dbt, proofs, swap; or nothing, where nothing is new."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from hear_app import bronze, compact, listing, transform, verify, warehouse
from hear_app.errors import HearError, ProofError, UsageError
from hear_app.landing import Landing
from hear_app.settings import SAMPLE_SOURCE, Settings
from hear_app.sync import RepositoryResult

_NO_DIGESTS = bronze.Digests("", "", "")


@dataclass(frozen=True, slots=True)
class Published:
    """What the published file says of itself: its rows' sources, the landed objects it knows, how it was built."""

    sources: frozenset[str]
    objects: Mapping[str, int]
    digests: bronze.Digests


def published_state(path: Path) -> Published | None:
    """What a published file holds; None where there is none. Raises WarehouseError where it is none of ours."""
    if not path.exists():
        return None
    warehouse.drop_orphaned_wal(path)
    with warehouse.reading(path) as connection:
        try:
            built = connection.execute(
                "select bronze_digest, models_digest, people_digest from bronze.runs order by _run_id desc limit 1"
            ).fetchall()
            sources = connection.execute("select distinct source from bronze.loads").fetchall()
        except duckdb.BinderException:
            return Published(frozenset({"unknown"}), {}, _NO_DIGESTS)
        digests = bronze.Digests(*built[0]) if built else _NO_DIGESTS
        # The ledger of another version may have other columns; such a file is rebuilt, never read.
        objects = bronze.known_objects(connection) if digests.bronze == bronze.schema_digest() else {}
    return Published(frozenset(source for (source,) in sources), objects, digests)


def check_kind(published: Published | None, path: Path, sources: list[str]) -> None:
    """Raises UsageError where the sample would replace real repositories."""
    if published and SAMPLE_SOURCE in sources and published.sources - {SAMPLE_SOURCE}:
        raise UsageError(
            f"{path} holds real repositories, which the sample would replace.",
            "Set HEAR_WAREHOUSE to another file for the sample.",
        )


@dataclass(frozen=True, slots=True)
class Build:
    """One build from the landing zone: `sources` are read; `full` starts from an empty file."""

    settings: Settings
    landing: Landing
    models: transform.Models
    sources: list[str]
    full: bool = False

    def run(self, results: list[RepositoryResult] | None = None) -> bool:
        """Builds and publishes if there is anything new; returns whether there was.

        Prints the `results` of a sync with the rows loaded. Raises a HearError where the build fails; the
        published file is then as it was.
        """
        compact.finish(self.landing)
        settings, published = self.settings, published_state(self.settings.warehouse)
        check_kind(published, settings.warehouse, self.sources)
        built = bronze.digests(settings.project_home, settings.people_path)
        pending = bronze.pending(self.landing, self.sources, published.objects if published else {})
        reason = self._afresh(published, built, pending)
        if reason is not None:
            pending = bronze.pending(self.landing, self.sources, {})
        elif not pending.objects and published and published.digests == built:
            warehouse.discard(warehouse.finished_path(settings.build_path))
            _print_results(results, {})
            return False
        if not pending.objects and (reason is not None or published is None):
            return self._nothing_landed(results)
        if self._publish_finished(published, built):
            _print_results(results, {})
            return True
        if reason:
            listing.say(reason)
        clock = _Clock()
        self.models.begin()
        self._load(pending, built, results, afresh=reason is not None)
        clock.lap("load")
        # Incremental models keep their old columns: what other models made is made again.
        self.models.debug()
        self.models.build(full=self.full or published is None or published.digests.models != built.models)
        clock.lap("dbt")
        self._prove()
        if reason is not None and published and not self.full and not self._replaces_sample(published):
            self._keep_all_rows(settings.build_path)
        clock.lap("proofs")
        warehouse.compact_if_sparse(settings.build_path, settings.memory)
        warehouse.publish(warehouse.finish(settings.build_path), settings.warehouse)
        clock.lap("publish")
        listing.say(clock.told())
        return True

    def _publish_finished(self, published: Published | None, built: bronze.Digests) -> bool:
        """Publishes what an earlier run built, proved and could not publish, if there is nothing to add to it."""
        finished = warehouse.finished_path(self.settings.build_path)
        if self.full or not self._is_up_to_date(finished, built):
            warehouse.discard(finished)
            return False
        if published and not self._replaces_sample(published):
            self._keep_all_rows(finished)
        warehouse.publish(finished, self.settings.warehouse)
        listing.say("Published what an earlier run had built.")
        return True

    def _is_up_to_date(self, finished: Path, built: bronze.Digests) -> bool:
        """Whether a finished build is what this run would make."""
        try:
            known = published_state(finished)
        except (HearError, duckdb.Error):
            return False
        if known is None or known.digests != built:
            return False
        pending = bronze.pending(self.landing, self.sources, known.objects)
        return not pending.objects and not pending.is_other

    def _replaces_sample(self, published: Published) -> bool:
        return SAMPLE_SOURCE in published.sources and SAMPLE_SOURCE not in self.sources

    def _keep_all_rows(self, build: Path) -> None:
        """Raises ProofError where the file as it would be has less than the published one."""
        path = self.settings.warehouse
        with warehouse.reading(build) as connection:
            lost = verify.lost_rows(connection, str(path))
        if lost:
            raise ProofError(
                f"A rebuild from this landing zone would lose {' and '.join(lost)} that {path} has.",
                "Put the whole landing zone back, or sync those repositories again with `hear sync --full`; "
                "`hear build --full` publishes what there is.",
            )

    def _afresh(self, published: Published | None, built: bronze.Digests, pending: bronze.Pending) -> str | None:
        """Why the file is built from nothing, in a sentence to say ('' to say none); None where it is not."""
        path = self.settings.warehouse
        if published is None or self.full:
            return ""
        if self._replaces_sample(published):
            return f"{path} held the embedded sample: your repositories replace it."
        if published.digests.bronze != built.bronze:
            return f"{path} was made by another version of hear_app: it is rebuilt from the landing zone."
        if pending.is_other:
            return f"The landing zone is not the one that {path} was built from: it is rebuilt."
        return None

    def _nothing_landed(self, results: list[RepositoryResult] | None) -> bool:
        """After a sync its own failures say why; without one, this is the failure."""
        if results is None:
            raise HearError("Nothing has landed to build from.", "`hear run` syncs first.")
        _print_results(results, {})
        return False

    def _load(
        self,
        pending: bronze.Pending,
        built: bronze.Digests,
        results: list[RepositoryResult] | None,
        afresh: bool,
    ) -> None:
        build = self.settings.build_path
        warehouse.start_build(self.settings.warehouse, build, afresh)
        with warehouse.writing(build, self.settings.memory) as connection:
            connection.execute(bronze.schema_sql())
            summary = bronze.load(connection, self.landing, pending.objects, self.settings.people_path, built)
        _print_results(results, summary.rows)

    def _prove(self) -> None:
        """What a proof finds wanting is not published."""
        build = self.settings.build_path
        with warehouse.reading(build) as connection:
            proofs = verify.prove(connection, self.landing)
        failed = verify.failures(proofs)
        if failed:
            raise ProofError("\n".join(failed), f"The last good file stays; the build is kept in {build}.")
        count = len({proof.repository for proof in proofs})
        of = "1 repository" if count == 1 else f"{count} repositories"
        listing.say(f"Proofs: all {len(proofs)} hold, for {of}.")


class _Clock:
    """How long each part of a build took, in seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self._laps[name], self._last = now - self._last, now

    def told(self) -> str:
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in self._laps.items())
        return f"Built in {sum(self._laps.values()):.1f} s: {parts}."


def _print_results(results: list[RepositoryResult] | None, loaded: Mapping[tuple[int, str], int]) -> None:
    if results is not None:
        listing.print_results(results, loaded)
