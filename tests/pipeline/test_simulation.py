"""The simulation finds defects: one is put back, and a seed must fail that holds without it (`make simulate`)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hear_app.github import issues, pages
from simulation import cohort
from simulation.plan import draw

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def _page_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulation takes small pages, which no other test should see."""
    for module in (issues, pages):
        monkeypatch.setattr(module, "PAGE_SIZES", pages.PAGE_SIZES)


def test_a_defect_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issues are read from the watermark on, without the minutes before it, in which rows may show late."""
    monkeypatch.setattr(issues, "OVERLAP", timedelta(0))
    assert "is not stored" in " ".join(cohort.run([draw(3008)])[3008])
