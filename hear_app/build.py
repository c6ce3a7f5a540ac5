"""From the landing zone to the published file: load, dbt, proofs, swap; or nothing, where nothing is new.

A repository that is damaged, or whose proofs fail, is held back at its last proved state; all others are
published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from hear_app import bronze, compact, held, ledger, verify, warehouse
from hear_app.errors import HearError, LandingError, ProofError, UsageError
from hear_app.held import Held
from hear_app.job import Job, Models, Published, print_results, published_state
from hear_app.landing import Landing, RepositoryKey
from hear_app.landing.integrity import Place
from hear_app.settings import SAMPLE_SOURCE, Settings
from hear_app.sync import RepositoryResult
from hear_app.terminal import say


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a file was published, and why some repositories, by name, are held back."""

    is_published: bool
    held: dict[str, HearError] = field(default_factory=dict)


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
    models: Models
    sources: list[str]
    full: bool = False

    def run(self, results: list[RepositoryResult] | None = None) -> Outcome:
        """Builds and publishes if there is anything new.

        Prints the `results` of a sync with the rows loaded. Raises a HearError where nothing could be built; the
        published file is then as it was.
        """
        compact.finish(self.landing)
        for folder in self.landing.strays():
            say(f"Nothing in {folder} belongs there, in the landing zone: a stray copy, say. It is left out.")
        settings, published = self.settings, published_state(self.settings.warehouse)
        check_kind(published, settings.warehouse, self.sources)
        built = bronze.digests(settings.project_home, settings.people_path)
        waiting = ledger.pending(self.landing, self.sources, published.objects if published else {})
        back: Held = {}
        reason = self._rebuild_reason(published, built)
        if reason is None and published is not None and waiting.changed:
            back, reason = self._look_at_changed(published, waiting)
        if reason is not None:
            waiting = ledger.pending(self.landing, self.sources, {})
        job = Job(settings, self.landing, self.models, self.full, published, built, waiting, reason)
        if not job.is_needed(back):
            warehouse.discard(warehouse.finished_path(settings.build_path))
            print_results(results, {})
            return Outcome(False, self._named(back))
        if not waiting.objects and (reason is not None or published is None):
            return self._nothing_landed(results)
        if not back and self._publish_finished(published, built):
            print_results(results, {})
            return Outcome(True)
        if reason:
            say(reason)
        back, is_news = job.run(back, results)
        if is_news:
            self._publish(job)
        return Outcome(is_news, self._named(back))

    def _publish(self, job: Job) -> None:
        settings = self.settings
        if job.reason is not None and job.published and not self.full and not self._replaces_sample(job.published):
            self._keep_all_rows(settings.build_path)
        job.clock.lap("proofs")
        warehouse.compact_if_sparse(settings.build_path, settings.memory)
        warehouse.publish(warehouse.finish(settings.build_path), settings.warehouse)
        job.clock.lap("publish")
        say(job.clock.told())

    def _named(self, back: Held) -> dict[str, HearError]:
        """What is held back, by the repositories' names."""
        names = {
            (source, key): known.full_name
            for source in self.sources
            for key, (known, _) in self.landing.repositories(source).items()
        }
        named = {}
        for (source, key), error in back.items():
            name = names.get((source, key))
            told = f"{source}/{key}" if name is None or name in named else name  # two APIs may have one of a name
            named[told] = _with_remedy(error, source, name)
        return named

    def _publish_finished(self, published: Published | None, built: bronze.Digests) -> bool:
        """Publishes what an earlier run built, proved and could not publish, if there is nothing to add to it."""
        finished = warehouse.finished_path(self.settings.build_path)
        if self.full or not self._is_up_to_date(finished, built):
            warehouse.discard(finished)
            return False
        if published and not self._replaces_sample(published):
            self._keep_all_rows(finished)
        warehouse.publish(finished, self.settings.warehouse)
        say("Published what an earlier run had built.")
        return True

    def _is_up_to_date(self, finished: Path, built: bronze.Digests) -> bool:
        """Whether a finished build is what this run would make."""
        try:
            known = published_state(finished)
        except (HearError, duckdb.Error):
            return False
        if known is None or known.digests != built:
            return False
        pending = ledger.pending(self.landing, self.sources, known.objects)
        return not pending.objects and not pending.changed

    def _replaces_sample(self, published: Published) -> bool:
        return SAMPLE_SOURCE in published.sources and SAMPLE_SOURCE not in self.sources

    def _keep_all_rows(self, build: Path) -> None:
        """Raises ProofError where the file as it would be has less than the published one."""
        path = self.settings.warehouse
        with warehouse.reading(build, closed=False) as connection:
            lost = verify.lost_rows(connection, str(path))
        if lost:
            raise ProofError(
                f"A rebuild from this landing zone would lose {' and '.join(lost)} that {path} has.",
                "Put the whole landing zone back, or sync those repositories again with `hear sync --full`; "
                "`hear build --full` publishes what there is.",
            )

    def _rebuild_reason(self, published: Published | None, built: bronze.Digests) -> str | None:
        """Why the file is built from nothing, in a sentence to say ('' to say none); None where it is not."""
        path = self.settings.warehouse
        if published is None or self.full:
            return ""
        if self._replaces_sample(published):
            return f"{path} held the embedded sample: your repositories replace it."
        if published.digests.bronze != built.bronze:
            return f"{path} was made by another version of hear_app: it is rebuilt from the landing zone."
        return None

    def _look_at_changed(self, published: Published, waiting: ledger.Pending) -> tuple[Held, str | None]:
        """Which repositories are damaged in the landing zone; or why the file must be built anew from it."""
        rebuilt = f"The landing zone is not the one that {self.settings.warehouse} was built from: it is rebuilt."
        present = {landed.repository for landed in waiting.landed.values()}
        if not published.repositories & present:
            return {}, rebuilt
        digests: dict[RepositoryKey, Mapping[Place, str]] = {}
        with warehouse.reading(self.settings.warehouse) as connection:
            for key in waiting.changed:
                digests[key] = ledger.known_digests(connection, key)
        damaged, is_replaced = held.changed(self.landing, waiting, digests)
        return damaged, rebuilt if is_replaced and not damaged else None

    def _nothing_landed(self, results: list[RepositoryResult] | None) -> Outcome:
        """After a sync its own failures say why; without one, this is the failure."""
        if results is None:
            raise HearError("Nothing has landed to build from.", "`hear run` syncs first.")
        print_results(results, {})
        return Outcome(False)


def _with_remedy(error: HearError, source: str, name: str | None) -> HearError:
    """What is damaged is healed by reading it again; where even the name is lost, its own remedy stands."""
    if name is None or not isinstance(error, LandingError):
        return error
    return LandingError(error.message, verify.read_again(source, name))
