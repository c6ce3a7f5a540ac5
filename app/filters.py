"""What is looked at: repositories, period, bots, merges, granularity. Kept in the URL, so that one can send it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from app import queries, theme

PERIODS = {
    "6m": "Last 6 months",
    "12m": "Last 12 months",
    "24m": "Last 2 years",
    "60m": "Last 5 years",
    "all": "All time",
}
GRAINS = {"day": "Days", "week": "Weeks", "month": "Months"}
DEFAULTS = {"repos": "", "period": "24m", "grain": "month", "bots": "0", "merges": "0"}
_SWITCHES = {"1": True, "0": False}
_BEGINNING = date(1970, 1, 1)
_MOST_DAYS = 800  # bars; more can neither be told apart nor sent quickly


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository one can choose."""

    key: int
    name: str
    as_of: date
    first_month: date | None


@dataclass(frozen=True, slots=True)
class Filters:
    """A choice. `since` and `until` are days, the first in and the first out of the period."""

    repositories: tuple[Repository, ...]
    is_all: bool
    period: str
    since: date
    until: date
    grain: str
    bots: bool
    merges: bool

    @property
    def params(self) -> dict[str, Any]:
        """For queries: $repos, $since, $until, $bots, $merges, $grain, $as_of."""
        return {
            "repos": [repository.key for repository in self.repositories],
            "since": self.since,
            "until": self.until,
            "bots": self.bots,
            "merges": self.merges,
            "grain": self.grain,
            "as_of": min((repository.as_of for repository in self.repositories), default=_BEGINNING),
        }

    @property
    def who(self) -> str:
        """Whose commits are counted, as words."""
        return "people, bots and agents" if self.bots else "people"


def repositories() -> list[Repository]:
    """Those that the file holds, by name."""
    frame = queries.ask(
        """
        select
            r.repository_key, r.full_name,
            coalesce(r.as_of_date, current_date) as as_of_date, -- where no server told the time
            min(m.month_start_date) as first_month
        from gold.dim_repository as r
        left join gold.agg_repository_month as m using (repository_key)
        group by all order by full_name, repository_key
        """
    )
    return [Repository(*row) for row in frame.iter_rows()]


def months_before(day: date, months: int) -> date:
    """The first day of the month that lies so many months before the day's (negative: after it)."""
    index = day.year * 12 + day.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)


def read(query: Mapping[str, str], known: list[Repository]) -> tuple[dict[str, str], list[str]]:
    """The choice in a URL, with defaults for what is missing; and the parts that mean nothing here."""
    chosen, strange = dict(DEFAULTS), []
    for name in DEFAULTS:
        value = query.get(name)
        if value is None:
            continue
        accepted = _accepted(name, value, known)
        chosen[name] = accepted if accepted is not None else DEFAULTS[name]
        if accepted != value:
            strange.append(f"{name}={value}")
    return chosen, strange


def _accepted(name: str, value: str, known: list[Repository]) -> str | None:
    if name == "repos":
        names = {repository.name.lower(): repository.name for repository in known}
        found = [names[part] for part in value.lower().split(",") if part in names]
        return ",".join(found) or None
    if name == "period":
        return value if value in PERIODS or value in years(known) else None
    if name == "grain":
        return value if value in GRAINS else None
    return value if value in _SWITCHES else None


def years(known: list[Repository]) -> list[str]:
    """The calendar years one can choose, newest first."""
    first = min((repository.first_month.year for repository in known if repository.first_month), default=None)
    last = max((repository.as_of.year for repository in known), default=None)
    return [] if first is None or last is None else [str(year) for year in range(last, first - 1, -1)]


def resolve(chosen: Mapping[str, str], known: list[Repository]) -> Filters:
    """Filters out of accepted values."""
    names = set(chosen["repos"].split(",")) - {""}
    repositories = tuple(repository for repository in known if not names or repository.name in names)
    since, until = _span(chosen["period"], max((r.as_of for r in repositories), default=_BEGINNING))
    first = min((r.first_month for r in repositories if r.first_month), default=since)
    too_many = chosen["grain"] == "day" and (until - max(since, first)).days > _MOST_DAYS
    return Filters(
        repositories=repositories,
        is_all=not names,
        period=chosen["period"],
        since=since,
        until=until,
        grain="week" if too_many else chosen["grain"],
        bots=_SWITCHES[chosen["bots"]],
        merges=_SWITCHES[chosen["merges"]],
    )


def _span(period: str, as_of: date) -> tuple[date, date]:
    """`12m` is twelve whole months and the running one; a year is that year."""
    if re.fullmatch(r"\d{4}", period):
        return date(int(period), 1, 1), date(int(period) + 1, 1, 1)
    until = months_before(as_of, -1)
    if period == "all":
        return _BEGINNING, until
    return months_before(as_of, int(period.removesuffix("m"))), until


def bar(known: list[Repository], acts: frozenset[str]) -> Filters:
    """Draws the bar and returns the choice. `acts` names the filters that change something on this page."""
    chosen = _adopt(known)
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        picked = st.multiselect(
            "Repositories",
            [repository.name for repository in known],
            placeholder=f"All {len(known)}" if len(known) != 1 else "All",
            key="f_repos",
            width=420,
        )
        chosen["repos"] = ",".join(picked)
        chosen["period"] = st.selectbox(
            "Period",
            [*PERIODS, *years(known)],
            format_func=lambda value: PERIODS.get(value, value),
            key="f_period",
            width=170,
        )
        if "grain" in acts:
            grain = st.segmented_control(
                "Granularity", list(GRAINS), format_func=GRAINS.__getitem__, key="f_grain", required=True
            )
            chosen["grain"] = grain or DEFAULTS["grain"]
        if "bots" in acts:
            chosen["bots"] = _switch("Bots", "Count bots and AI agents as well. Off: people only.", "f_bots")
        if "merges" in acts:
            chosen["merges"] = _switch("Merges", "Count merge commits (more than one parent) as well.", "f_merges")
    _write(chosen)
    resolved = resolve(chosen, known)
    if "grain" in acts and resolved.grain != chosen["grain"]:
        st.caption("Days can be shown for two years at most: for this period these are weeks.")
    return resolved


def _switch(label: str, help_text: str, key: str) -> str:
    return "1" if st.toggle(label, help=help_text, key=key) else "0"


def _adopt(known: list[Repository]) -> dict[str, str]:
    """The session's choice: the URL's where it is new to us (a link, Back), else what the widgets hold."""
    ours = {name: st.query_params[name] for name in DEFAULTS if name in st.query_params}
    state = st.session_state
    if "chosen" not in state or (ours and ours != state.get("written")):
        chosen, strange = read(ours, known)
        state["chosen"] = chosen
        for part in strange:
            told = f"The address says {theme.escaped(part)}, which means nothing here; it is ignored."
            st.toast(told, icon=":material/link_off:")
    chosen = dict(state["chosen"])
    names = {repository.name for repository in known}
    # Widget state is set on each run: a filter that one page does not show keeps its value for the next.
    fresh = state.get("f_adopted") != chosen
    if fresh or "f_repos" not in state:
        state["f_repos"] = [name for name in chosen["repos"].split(",") if name in names]
    if fresh or "f_period" not in state:
        state["f_period"] = chosen["period"]
    if fresh or "f_grain" not in state:
        state["f_grain"] = chosen["grain"]
    for name in ("bots", "merges"):
        if fresh or f"f_{name}" not in state:
            state[f"f_{name}"] = _SWITCHES[chosen[name]]
    state["f_adopted"] = chosen
    return chosen


def _write(chosen: dict[str, str]) -> None:
    """Puts what differs from the defaults into the URL, leaving the parts that are not ours."""
    state = st.session_state
    state["chosen"] = dict(chosen)
    state["f_adopted"] = dict(chosen)
    state["written"] = {name: value for name, value in chosen.items() if value != DEFAULTS[name]}
    for name in DEFAULTS:
        if name in state["written"]:
            st.query_params[name] = state["written"][name]
        elif name in st.query_params:
            del st.query_params[name]
