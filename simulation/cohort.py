"""Many seeds at once: each has a landing zone's part of its own, and one file is built of all, by dbt itself."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hear_app import landed, verify, warehouse
from hear_app.build import Build
from hear_app.github import issues, pages
from hear_app.landing import Landing, RepositoryKey
from hear_app.settings import Settings
from hear_app.transform import Models
from simulation.model import ModelRepository
from simulation.plan import HEALTHY, Plan
from simulation.scenario import Scenario, Stored

_SILVER = ("--select", "+path:models/silver", "--indirect-selection", "cautious")
_SMALL_PAGES = (8, 4, 2, 1)  # so that a few rows fill several
# Where there is such a place: a disk takes long to make thousands of objects safe.
_MEMORY = Path("/dev/shm")  # noqa: S108


def run(plans: Sequence[Plan]) -> dict[int, list[str]]:
    """What should not be, in words, by seed. Raises what stops all seeds together."""
    for module in (pages, issues):
        setattr(module, "PAGE_SIZES", _SMALL_PAGES)  # noqa: B010 - a constant, but here
    folder = Path(tempfile.mkdtemp(prefix="hear-simulation-", dir=_MEMORY if _MEMORY.is_dir() else None))
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            cohort = _Cohort(plans, folder)
            cohort.run()
        return {each.plan.seed: each.failures for each in cohort.scenarios}
    finally:
        shutil.rmtree(folder)


class _Cohort:
    def __init__(self, plans: Sequence[Plan], folder: Path) -> None:
        for name in [name for name in os.environ if name.startswith(("HEAR_", "GITHUB_"))]:
            del os.environ[name]
        self.settings = Settings(warehouse=folder / "hear.duckdb", landing=str(folder / "landing"))
        self.landing = Landing(self.settings.landing_root)
        root = Path(self.settings.landing_root)
        self.scenarios = [Scenario(plan, place, root) for place, plan in enumerate(plans)]

    def run(self) -> None:
        self._epochs("before")
        held = self._build()
        self._check(held)
        self._epochs("after")
        for scenario in self.scenarios:
            scenario.rest()
        held = self._build()
        broken = self._broken()
        self._check(held | broken)
        self._check_healthy(held | broken)
        for scenario, repository in self._each():
            is_asked = scenario.key(repository) in held | broken or scenario.plan.reads_again
            if is_asked and not scenario.is_lost(repository):
                scenario.heal(repository)
        self._damage(broken)
        self._check(self._heal())

    def _damage(self, broken: set[RepositoryKey]) -> None:
        """Damages the landing zone, and holds what verify says then against it."""
        done = {key for scenario in self.scenarios for key in scenario.break_in_the_end()}
        told = self._broken()
        for scenario, repository in self._each():
            key = scenario.key(repository)
            if key in done - told and key not in broken:
                scenario.failures.append(f"{repository.served.full_name}: verify names no damage")
            if key in told - done - broken:
                scenario.failures.append(f"{repository.served.full_name}: verify names what is well")
            if key in done and not scenario.is_lost(repository):
                scenario.heal(repository)

    def _heal(self) -> set[RepositoryKey]:
        """A last build: whatever was damaged is healed by what the errors name."""
        held = self._build()
        broken = held | self._broken()
        for scenario, repository in self._each():
            if scenario.key(repository) in broken and not scenario.is_lost(repository):
                name = repository.served.full_name
                scenario.failures.append(f"{name}: is not healed: {self._told.get(scenario.key(repository))}")
        return broken

    def _each(self) -> Iterator[tuple[Scenario, ModelRepository]]:
        for scenario in self.scenarios:
            for repository in scenario.repositories:
                yield scenario, repository

    def _epochs(self, part: str) -> None:
        for scenario in self.scenarios:
            for epoch in getattr(scenario.plan, part):
                scenario.run(epoch)

    def _build(self) -> set[RepositoryKey]:
        """Builds and publishes; the repositories that are held back."""
        self._told: dict[RepositoryKey, str] = defaultdict(str)
        sources = sorted(each.source for each in self.scenarios)
        settings = self.settings
        with Models(settings.project_home, settings.build_path, settings.memory, _SILVER) as models:
            outcome = Build(settings, self.landing, models, sources).run()
        found = set()
        for source in sources:
            for identity, (known, _) in self.landing.repositories(source).items():
                error = outcome.held.get(str(known.full_name)) or outcome.held.get(f"{source}/{identity}")
                if error is not None:
                    found.add((source, identity))
                    self._told[source, identity] = str(error)
        return found

    def _check(self, doubted: set[RepositoryKey]) -> None:
        stored = self._stored()
        for scenario, repository in self._each():
            key = scenario.key(repository)
            if key not in doubted and repository.served.identity not in scenario.hurt:
                scenario.check(repository, stored[key])

    def _check_healthy(self, doubted: set[RepositoryKey]) -> None:
        for scenario in self.scenarios:
            repository = scenario.world.repositories[HEALTHY]
            if scenario.key(repository) in doubted:
                told = self._told.get(scenario.key(repository))
                scenario.failures.append(
                    f"{repository.served.full_name}: is healthy, and is not published: {told}"
                )

    def _broken(self) -> set[RepositoryKey]:
        """The repositories of which `hear verify` says that something is wrong."""
        with warehouse.reading(self.settings.warehouse) as connection:
            proofs = [*verify.prove(connection), *landed.prove(connection, self.landing, deep=True).proofs]
        failing = [proof for proof in proofs if not proof.holds]
        self._told |= {proof.key: proof.told() for proof in failing}
        return {proof.key for proof in failing}

    def _stored(self) -> dict[RepositoryKey, Stored]:
        with warehouse.reading(self.settings.warehouse) as connection:

            def rows(query: str) -> list[Any]:
                return connection.execute(query).fetchall()

            commits = rows("select source, repository_id, sha, is_on_default_branch from silver.commits")
            parents = rows(
                "select source, repository_id, sha, list(parent_sha order by parent_index) "
                "from silver.commit_parents group by all"
            )
            items = rows("select source, repository_id, number, title, is_deleted from silver.work_items")
        found: dict[RepositoryKey, dict[str, Any]] = defaultdict(lambda: defaultdict(dict))
        doubled: dict[RepositoryKey, list[str]] = defaultdict(list)
        for what, table in (("commits", commits), ("parents", parents), ("issues", items)):
            for source, identity, natural, *values in table:
                place = found[source, identity][what]
                if natural in place:
                    doubled[source, identity].append(str(natural))
                place[natural] = tuple(values)
        return defaultdict(
            Stored,
            {
                key: Stored(
                    {sha: is_on for sha, (is_on,) in of["commits"].items()},
                    {sha: tuple(shas) for sha, (shas,) in of["parents"].items()},
                    of["issues"],
                    tuple(doubled[key]),
                )
                for key, of in found.items()
            },
        )
