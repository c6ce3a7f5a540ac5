"""The simulation finds defects: one is put back, and a seed must fail that holds without it (`make simulate`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from hear_app.github import issues, pages
from simulation import cohort
from simulation.plan import draw

Defect = Callable[[pytest.MonkeyPatch], None]
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def _page_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulation takes small pages, which no other test should see."""
    for module in (issues, pages):
        monkeypatch.setattr(module, "PAGE_SIZES", pages.PAGE_SIZES)


def _no_overlap(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(issues, "OVERLAP", timedelta(0))


@pytest.mark.parametrize(
    ("defect", "seed", "said"),
    [
        (_no_overlap, 3008, "is not stored"),
    ],
)
def test_a_defect_is_found(defect: Defect, seed: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    defect(monkeypatch)
    assert said in " ".join(cohort.run([draw(seed)])[seed])
