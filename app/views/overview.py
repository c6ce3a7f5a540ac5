"""Overview: what changed in the last whole month, and is it usual?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import streamlit as st

from app import cards, tables, theme, timecharts
from app.cards import Card
from app.filters import Filters
from app.guard import chosen
from app.numbers import commits, issue_lists, issues, overview, people, pull_requests

_TILES = [
    ("commits", "Commits", "bar", "Commits on the default branch"),
    (
        "contributors",
        "Contributors",
        "bar",
        "Distinct {who} who committed, co-authored, or opened an issue or pull request",
    ),
    ("issues_opened", "Issues opened", "bar", "Issues opened by anybody"),
    ("issues_closed", "Issues closed", "bar", "Issues by the month of their last closing"),
    ("open_issues", "Open issues", "area", "Issues open at the end of the month"),
    ("prs_merged", "PRs merged", "bar", "Pull requests by the month of merging"),
]


def draw() -> None:
    """The page."""
    now = chosen()
    months = overview.months(now)
    whole = months.filter(pl.col("is_complete"))
    if whole.is_empty():
        cards.heading("Overview", "No month of this period is over yet, so there is nothing to compare.")
    else:
        cards.heading(f"{theme.month(whole['period'][-1])} at a glance", _sentence(whole))
        _tiles(whole, now)
    cards.row(_commits(now), _backlog(now))
    cards.row(_people(now), _pull_requests(now))
    _repositories(now)


def _tiles(whole: pl.DataFrame, now: Filters) -> None:
    shown = whole.tail(13)
    month = theme.month(shown["period"][-1])
    st.html(theme.STYLE)
    with st.container(horizontal=True, key="tiles"):
        for name, label, kind, text in _TILES:
            values = shown[name].to_list()
            told = (
                f"{text.format(who=now.who)}, in {month}. Usual: the median of the six months before. "
                "Below: the last thirteen whole months."
            )
            cards.tile(label, values, cards.usual(values), told, kind)


def _sentence(whole: pl.DataFrame) -> str:
    """What stands out against the six months before: the two largest changes, and the backlog."""
    changes: list[tuple[float, str]] = []
    for name, label, kind, _ in _TILES:
        values: list[Any] = whole[name].tail(7).to_list()
        before = cards.usual(values)
        if before and kind == "bar":
            changes.append((values[-1] / before - 1, label.lower()))
    told = [f"{label} {abs(change):.0%} {'above' if change > 0 else 'below'} the usual" for change, label in
            sorted(changes, key=lambda item: -abs(item[0]))[:2] if abs(change) >= 0.1]  # fmt: skip
    open_now = whole["open_issues"].to_list()
    if len(open_now) > 1 and open_now[-1] != open_now[-2]:
        difference = open_now[-1] - open_now[-2]
        told.append(
            f"the backlog {'grew' if difference > 0 else 'shrank'} by {theme.count(abs(difference), 'issue')}"
        )
    text = ", ".join(told) or "much as in the six months before"
    return text[:1].upper() + text[1:] + "."


def _commits(now: Filters) -> Card:
    data = commits.series(_monthly(now))
    return Card(
        key="overview_commits",
        title=_trend(data, "commits", "Commits a month"),
        note=f"By {now.who}, on the default branch, {'with' if now.merges else 'without'} merge commits",
        data=data,
        draw=lambda frame: timecharts.stacked(frame, "commits", "kind", list(commits.KINDS.values()), "Commits"),
        metrics=["agg_repository_month.commits", *(["agg_repository_month.merge_commits"] if now.merges else [])],
        n=theme.count(cards.total(data, "commits"), "commit"),
        rows=lambda: commits.rows(now),
        within=cards.within(commits.rows, now),
        moment=("committed_at",),
    )


def _backlog(now: Filters) -> Card:
    data = issues.monthly(now)
    return Card(
        key="overview_backlog",
        title=cards.backlog_title(data),
        note="Issues open at the end of each month",
        data=data,
        draw=lambda frame: timecharts.level(frame, "open_at_end", "Open issues"),
        metrics=["agg_repository_month.open_issues_end"],
        n=theme.count(cards.total(data, "opened"), "issue") + " opened in the period",
        rows=lambda: issue_lists.rows(now),
    )


def _people(now: Filters) -> Card:
    data = people.series(now)
    return Card(
        key="overview_people",
        title="Contributors a month",
        note="Each counted once. New: first month in these repositories; came back: after half a year",
        data=data,
        draw=lambda frame: timecharts.stacked(
            frame, "people", "status", ["Returning", "New", "Came back"], "People"
        ),
        metrics=["agg_repository_month.active_contributors", "agg_repository_month.new_contributors"],
        n=theme.count(people.counted(now), "person", "people"),
        rows=lambda: people.table(now),
        columns={"person": tables.PERSON},
    )


def _pull_requests(now: Filters) -> Card:
    data = pull_requests.series(_monthly(now))
    return Card(
        key="overview_prs",
        title=_trend(data, "merged", "Pull requests merged a month"),
        note="By how they ended, and when",
        data=data,
        draw=lambda frame: timecharts.stacked(
            pull_requests.outcomes(frame), "ended", "outcome", ["Merged", "Closed unmerged"], "Pull requests"
        ),
        metrics=["agg_repository_month.prs_merged", "agg_repository_month.prs_closed_unmerged"],
        n=theme.count(cards.total(data, "merged") + cards.total(data, "closed_unmerged"), "pull request"),
        rows=lambda: pull_requests.rows(now),
        within=cards.within(pull_requests.rows, now),
        moment=("closed_at",),
    )


def _trend(data: pl.DataFrame, value: str, name: str) -> str:
    """The title with the last whole month's number in it."""
    whole = data.filter(pl.col("is_complete")).group_by("period").agg(pl.col(value).sum()).sort("period")
    if whole.is_empty():
        return name
    return f"{name}: {whole[value][-1]:,} in {theme.month(whole['period'][-1])}"


def _monthly(now: Filters) -> Filters:
    return replace(now, grain="month")


def _repositories(now: Filters) -> None:
    with st.container(border=True):
        st.markdown("#### Each repository, in its last whole month")
        tables.table(
            overview.by_repository(now),
            key="repositories",
            empty="No repository is chosen.",
            commits=st.column_config.NumberColumn("Commits"),
            last_month=st.column_config.DateColumn("Month", format="MMM YYYY"),
            usual_commits=st.column_config.NumberColumn(
                "Usually", help="Median of the six months before", format="%.0f"
            ),
            commits_by_month=st.column_config.BarChartColumn("Twelve months of commits", width="medium"),
            open_issues=st.column_config.NumberColumn("Open issues"),
            open_issues_change=st.column_config.NumberColumn("in three months", format="%+d"),
            prs_merged=st.column_config.NumberColumn("Merged pull requests"),
        )


draw()
