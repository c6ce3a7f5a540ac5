"""Pull requests: what comes in, what becomes of it, how long it takes, what waits."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from app import cards, tables, theme, timecharts
from app.cards import Card
from app.filters import Filters
from app.guard import chosen
from app.numbers import commits, pull_requests


def draw() -> None:
    """The page."""
    now = chosen()
    totals = pull_requests.totals(now)
    cards.heading("Pull requests", _sentence(totals))
    cards.row(_flow(now), _outcomes(now, totals))
    cards.row(_time(now), _openers(now))
    _waiting(now)


def _sentence(totals: dict[str, Any]) -> str:
    if not totals["merged"] + totals["unmerged"]:
        return f"None ended in this period; {theme.count(totals['open_now'], 'is', 'are')} open."
    share = totals["merged"] / (totals["merged"] + totals["unmerged"])
    return (
        f"{theme.percent(share)} of those that ended in this period were merged, half of them within "
        f"{theme.days(totals['median_days'])}. {theme.count(totals['open_now'], 'is', 'are')} open, "
        f"{theme.count(totals['drafts'], 'draft')} among them."
    )


def _flow(now: Filters) -> Card:
    data = pull_requests.series(now).with_columns((pl.col("merged") + pl.col("closed_unmerged")).alias("ended"))
    return Card(
        key="prs_flow",
        title="Opened and ended",
        note=f"By {now.grain}, by anybody, drafts included; ended: merged or closed. The line is the difference",
        data=data,
        draw=lambda frame: timecharts.mirrored(
            frame, "opened", "ended", ("Opened", "Ended", "Pull requests"), now.grain
        ),
        metrics=["agg_repository_month.prs_opened", "agg_repository_month.prs_merged"],
        n=f"{cards.total(data, 'opened'):,} opened, {cards.total(data, 'ended'):,} ended",
        rows=lambda: pull_requests.rows(now),
        within=cards.within(pull_requests.rows, now),
        moment=("opened_at", "closed_at"),
        grain=now.grain,
    )


def _outcomes(now: Filters, totals: dict[str, Any]) -> Card:
    data = pull_requests.outcomes(pull_requests.series(now))
    ended = totals["merged"] + totals["unmerged"]
    share = f": {theme.percent(totals['merged'] / ended)} merged" if ended else ""
    return Card(
        key="prs_outcomes",
        title=f"How they ended{share}",
        note=f"By the {now.grain} in which they were merged or closed",
        data=data.filter(pl.lit(bool(data["ended"].sum()))),
        draw=lambda frame: timecharts.stacked(
            frame, "ended", "outcome", ["Merged", "Closed unmerged"], "Pull requests", now.grain
        ),
        metrics=["agg_repository_month.pr_acceptance_rate", "agg_repository_month.prs_closed_unmerged"],
        n=theme.count(ended, "pull request"),
        rows=lambda: pull_requests.rows(now),
        within=cards.within(pull_requests.rows, now),
        moment=("closed_at",),
        grain=now.grain,
        empty="No pull request ended in this period.",
    )


def _time(now: Filters) -> Card:
    data = pull_requests.time_to_merge(now)
    whole = data.filter(pl.col("is_complete") & pl.col("median_days").is_not_null())
    newest = (
        f": half within {theme.days(whole['median_days'][-1])} in {theme.month(whole['period'][-1])}"
        if whole.height
        else ""
    )
    return Card(
        key="prs_time",
        title=f"Time to merge{newest}",
        note="Of those merged in each month; a month without any is a gap. Days, on a logarithmic axis",
        data=data.filter(pl.lit(bool(data["n"].sum()))),
        draw=lambda frame: timecharts.durations(
            frame, {"median_days": "Half merged within", "p90_days": "Nine in ten within"}
        ),
        metrics=["agg_repository_month.median_days_to_merge", "agg_repository_month.p90_days_to_merge"],
        n=theme.count(cards.total(data, "n"), "merged pull request"),
        rows=lambda: pull_requests.rows(now),
        empty="No pull request was merged in this period.",
    )


def _openers(now: Filters) -> Card:
    data = pull_requests.by_opener(now)
    total = cards.total(data, "pull_requests")
    people = cards.total(data.filter(pl.col("kind") == "People"), "pull_requests") if data.height else 0
    return Card(
        key="prs_openers",
        title=f"Who opens them: {theme.percent(people / total)} people" if total else "Who opens them",
        note="By month of opening",
        data=data,
        draw=lambda frame: timecharts.stacked(
            frame, "pull_requests", "kind", list(commits.KINDS.values()), "Pull requests"
        ),
        metrics=["agg_repository_month.prs_opened", "agg_repository_month.prs_opened_human"],
        n=theme.count(total, "pull request"),
        rows=lambda: pull_requests.rows(now),
        within=cards.within(pull_requests.rows, now),
        moment=("opened_at",),
        empty="No pull request was opened in this period.",
    )


def _waiting(now: Filters) -> None:
    with st.container(border=True):
        st.markdown("#### Open, the longest waiting first")
        bands = pull_requests.open_by_age(now)
        told = [f"{row['pull_requests']:,} for {row['band']}" for row in bands.iter_rows(named=True)]
        st.caption(f"Open as of the last sync: {', '.join(told) or 'none'}. The first 200 are listed.")
        hidden = ["outcome", "closed_at", "days_to_merge"]
        tables.table(pull_requests.waiting(now).drop(hidden), key="waiting", empty="None is open.", height=420)


draw()
