"""The five repositories of the sample, as plans that the generator carries out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hear_app.sample.payloads import Json


@dataclass(frozen=True, slots=True)
class Plan:
    """What a repository is to become.

    `items` is the number of issues and pull requests, `pulls` the share of the latter, `direct` the number of
    commits without a pull request; `merging` says how often pull requests are merged, squashed or rebased.
    """

    name: str
    identity: int
    facts: Json
    first: str = "2022-06"
    quiet: str | None = None
    items: int = 0
    pulls: float = 0.0
    direct: int = 0
    merging: Mapping[str, float] = field(default_factory=dict)


PLANS = (
    Plan(
        "tidegauge",
        640_118_201,
        {
            "description": "Reads tide gauges, keeps their archive and warns before high water",
            "stargazers_count": 1843,
            "forks_count": 212,
            "topics": ["tides", "sensors", "cli"],
        },
        items=700,
        pulls=0.44,
        direct=270,
        merging={"merge": 8, "squash": 1, "rebase": 1},
    ),
    Plan(
        "saltmap",
        640_118_377,
        {
            "description": "Maps of salinity, drawn from readings: どこでも 🌊",
            "language": "TypeScript",
            "stargazers_count": 611,
            "forks_count": 74,
            "default_branch": "trunk",
        },
        first="2022-09",
        items=520,
        pulls=0.58,
        direct=430,
        merging={"squash": 1},
    ),
    Plan(
        "estuary-notes",
        640_119_004,
        {"description": None, "language": None, "stargazers_count": 97, "forks_count": 31},
        quiet="2024-08",
        items=290,
        pulls=0.4,
        direct=400,
        merging={"rebase": 3, "squash": 1, "merge": 1},
    ),
    Plan("mudflat", 640_120_550, {"description": "Nothing here yet", "size": 0, "language": None}),
    Plan(
        "ferry-timetable",
        640_121_093,
        {"description": "Timetable of the last ferry", "has_issues": False, "stargazers_count": 4},
        first="2023-03",
        direct=36,
    ),
)
