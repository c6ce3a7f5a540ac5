"""What a build does: load, dbt, proofs, without more and more repositories until what is left holds."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import duckdb

from hear_app import bronze, held, ledger, listing, verify, warehouse
from hear_app.batch import LoadSummary
from hear_app.errors import TransformError
from hear_app.held import Held
from hear_app.landing import LandedObject, Landing, RepositoryKey, parse_path
from hear_app.settings import Settings
from hear_app.sync import RepositoryResult
from hear_app.terminal import say

_NO_DIGESTS = bronze.Digests("", "", "")
_RESOURCES = ("Out of Memory", "No space left on device")  # failures that no repository is to blame for


class Models(Protocol):
    """The dbt project over the working copy."""

    def begin(self) -> None: ...
    def debug(self) -> None: ...
    def build(self, full: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Published:
    """What the published file says of itself: its rows' sources, the landed objects it knows, how it was built."""

    sources: frozenset[str]
    objects: Mapping[str, int | None]
    digests: bronze.Digests

    @property
    def repositories(self) -> set[RepositoryKey]:
        return {place.repository for path in self.objects if (place := parse_path(path)) is not None}


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
        objects = ledger.known_objects(connection) if digests.bronze == bronze.schema_digest() else {}
    return Published(frozenset(source for (source,) in sources), objects, digests)


class Clock:
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


@dataclass(slots=True)
class Job:
    """What waits to be built, over the published file or, for a `reason`, from nothing."""

    settings: Settings
    landing: Landing
    models: Models
    full: bool
    published: Published | None
    built: bronze.Digests
    waiting: ledger.Pending
    reason: str | None
    clock: Clock = field(default_factory=lambda: Clock())

    def is_needed(self, back: Held) -> bool:
        """Whether there is anything to do but for what is held back."""
        is_same = self.published is not None and self.published.digests == self.built
        return self.reason is not None or not is_same or bool(self._objects(back))

    def run(self, back: Held, results: list[RepositoryResult] | None) -> tuple[Held, bool]:
        """Builds, without more and more repositories until what is left holds.

        Returns those held back, and whether there is anything new to publish. Raises the HearError of a repository
        where nothing is left, or one that no repository is to blame for.
        """
        while True:
            objects = self._objects(back)
            loaded = self._load(objects, results)
            results = None
            back |= loaded.damaged
            if not loaded.responses and not self.is_needed(back):
                return back, False
            if not loaded.responses and self.reason is not None:
                raise next(iter(back.values()))
            failing = self._transform_and_prove(objects, back)
            is_undone = any(landed.repository in failing for landed in objects)
            back |= failing
            if not is_undone:
                return back, True

    def _objects(self, back: Collection[RepositoryKey]) -> list[LandedObject]:
        return [landed for landed in self.waiting.objects if landed.repository not in back]

    def _load(self, objects: list[LandedObject], results: list[RepositoryResult] | None) -> LoadSummary:
        settings = self.settings
        self.models.begin()
        warehouse.start_build(settings.warehouse, settings.build_path, self.reason is not None)
        with warehouse.writing(settings.build_path, settings.memory) as connection:
            connection.execute(bronze.schema_sql())
            summary = bronze.load(connection, self.landing, objects, settings.people_path, self.built)
            ledger.accept_changes(connection, self.landing, self.waiting.landed.values(), summary.run_id)
        print_results(results, summary.rows)
        self.clock.lap("load")
        return summary

    def _transform_and_prove(self, objects: list[LandedObject], back: Held) -> Held:
        """The repositories that fail. Raises TransformError where the models fail and none is to blame."""
        try:
            self._transform()
        except TransformError as error:
            tried = list(dict.fromkeys(landed.repository for landed in objects if landed.repository not in back))
            culprits = self._culprits(tried, error)
            if culprits:
                return dict.fromkeys(culprits, error)
            # It passed, or only some of them together cause it: then no one of them can be held back for it.
            self._load(objects, None)
            self._transform()
        return self._prove()

    def _transform(self) -> None:
        models = self.models
        models.debug()
        # Incremental models keep their old columns: what other models made is made again.
        models.build(full=self.full or self.published is None or self._has_other_models())
        self.clock.lap("dbt")

    def _has_other_models(self) -> bool:
        """Whether the published file was built with other models: a failure is then told as theirs."""
        return self.published is not None and self.published.digests.models != self.built.models

    def _culprits(self, repositories: list[RepositoryKey], error: TransformError) -> list[RepositoryKey]:
        """The repositories without which the models build. Raises the error where they do not even then."""
        if any(sign in str(error) for sign in _RESOURCES):
            raise error
        is_alone = len(repositories) < 2 and self.reason is not None
        if is_alone or self._has_other_models() or (self.reason is None and not self._builds([])):
            raise error
        say("The models do not build with all that is new: looking for the repository.")
        return self._failing(repositories)

    def _failing(self, repositories: list[RepositoryKey]) -> list[RepositoryKey]:
        """By halves: a build takes seconds, and there may be hundreds."""
        if len(repositories) > 1 and self._builds(repositories):
            return []
        if len(repositories) < 2:
            return [] if not repositories or self._builds(repositories) else repositories
        middle = len(repositories) // 2
        return self._failing(repositories[:middle]) + self._failing(repositories[middle:])

    def _builds(self, repositories: list[RepositoryKey]) -> bool:
        """Whether the models build with what is new of these alone."""
        self._load([landed for landed in self.waiting.objects if landed.repository in repositories], None)
        try:
            self._transform()
        except TransformError:
            return False
        return True

    def _prove(self) -> Held:
        """The repositories whose proofs fail, with what they say."""
        with warehouse.reading(self.settings.build_path) as connection:
            proofs = verify.prove(connection)
        failing: dict[RepositoryKey, list[str]] = {}
        for proof in proofs:
            if not proof.holds:
                failing.setdefault(proof.key, []).append(proof.told())
        count = len({proof.key for proof in proofs} - failing.keys())
        of = "1 repository" if count == 1 else f"{count} repositories"
        holding = sum(proof.holds for proof in proofs)
        say(f"Proofs: {'all ' if not failing else ''}{holding} hold, for {of}.")
        return held.failing(failing)


def print_results(results: list[RepositoryResult] | None, loaded: Mapping[tuple[int, str], int]) -> None:
    if results is not None:
        listing.print_results(results, loaded)
