"""Activity: when work is done, and of what kind."""

from __future__ import annotations

import altair as alt
import polars as pl
import streamlit as st

from app import cards, charts, tables, theme, timecharts
from app.cards import Card, chart_card
from app.filters import GRAINS, Filters
from app.guard import chosen
from app.numbers import commits

_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_SHORT = [day[:3] for day in _DAYS]


def draw() -> None:
    """The page."""
    now = chosen()
    data = commits.series(now)
    cards.heading("Activity", _sentence(now, data))
    chart_card(_commits(now, data))
    cards.row(_hours(now), _types(now))
    left, right = st.columns(2)
    with left:
        chart_card(_days(now))
    with right:
        _styles(now)


def _sentence(now: Filters, data: pl.DataFrame) -> str:
    total = cards.total(data, "commits")
    authors = commits.authors(now)
    return (
        f"{theme.count(total, 'commit')} in this period. {theme.count(authors, 'person', 'people')} wrote them."
        if not now.bots
        else f"{theme.count(total, 'commit')} in this period, by {authors:,} people, bots and agents."
    )


def _commits(now: Filters, data: pl.DataFrame) -> Card:
    return Card(
        key="activity_commits",
        title=f"Commits by {now.grain}",
        note=f"By {now.who}, by commit date, {'with' if now.merges else 'without'} merge commits",
        data=data,
        draw=lambda frame: timecharts.stacked(
            frame, "commits", "kind", list(commits.KINDS.values()), "Commits", now.grain
        ),
        metrics=["agg_repository_month.commits", *_switched(now)],
        about=""
        if now.grain == "month"
        else f"{GRAINS[now.grain]} are counted from fct_commits by the same rule.",
        n=theme.count(cards.total(data, "commits"), "commit"),
        rows=lambda: commits.rows(now),
        within=cards.within(commits.rows, now),
        moment=("committed_at",),
        grain=now.grain,
    )


def _switched(now: Filters) -> list[str]:
    """The metrics that the switches add."""
    bots = [f"agg_repository_month.commits_{kind}" for kind in ("bot", "ai_agent", "unattributed")]
    return [*(bots if now.bots else []), *(["agg_repository_month.merge_commits"] if now.merges else [])]


def _hours(now: Filters) -> Card:
    data = commits.by_hour(now).with_columns(
        pl.col("day_of_week").replace_strict(dict(enumerate(_DAYS, 1)), return_dtype=pl.String).alias("day")
    )
    busiest = data.sort("commits", descending=True).row(0, named=True) if data.height else None
    return Card(
        key="activity_hours",
        title=f"Busiest on {busiest['day']}s around {busiest['hour']:02d}:00 UTC"
        if busiest
        else "Weekday and hour",
        note="Commits by the hour they were authored, in UTC: GitHub does not keep the authors' own time zones",
        data=data,
        draw=_hour_grid,
        metrics=["fct_commits.authored_at"],
        n=theme.count(cards.total(data, "commits"), "commit"),
        rows=lambda: commits.rows(now),
        hides=("day_of_week",),
    )


def _hour_grid(data: pl.DataFrame) -> charts.Drawn:
    every = pl.DataFrame({"day": _DAYS}).join(pl.DataFrame({"hour": range(24)}), how="cross")
    filled = every.join(
        data.select("day", pl.col("hour").cast(pl.Int64), "commits"), on=["day", "hour"], how="left"
    )
    return charts.heat(
        filled.with_columns(pl.col("commits").fill_null(0), pl.col("day").str.slice(0, 3).alias("short")),
        alt.X("hour:O", axis=alt.Axis(title=None, labelAngle=0, ticks=False, domain=False, labelOverlap=True)),
        alt.Y("short:N", sort=_SHORT, axis=alt.Axis(title=None, ticks=False, domain=False, labelOverlap=False)),
        "commits",
        [
            alt.Tooltip("day:N", title="Day"),
            alt.Tooltip("hour:O", title="Hour, UTC"),
            alt.Tooltip("commits:Q", title="Commits", format=","),
        ],
    )


def _types(now: Filters) -> Card:
    data = commits.by_type(now)
    return Card(
        key="activity_types",
        title="What commits say they are",
        note="By the prefix of the subject (feat:, fix:, docs: …); other: no such prefix",
        data=data,
        draw=lambda frame: charts.ranked(frame.head(10), "commit_type", "commits", "Commits"),
        metrics=["fct_commits.commit_type"],
        n=theme.count(cards.total(data, "commits"), "commit"),
        rows=lambda: commits.rows(now),
    )


def _days(now: Filters) -> Card:
    data = commits.active_days(now)
    whole = data.filter(pl.col("is_complete"))
    typical = whole["active_days"].median() if whole.height else None
    return Card(
        key="activity_days",
        title="Days with a commit, each month"
        + (f": {typical:.0f} is typical" if isinstance(typical, float) else ""),
        note="UTC days with at least one commit in any of the chosen repositories, and how many people made them",
        data=data,
        draw=lambda frame: timecharts.lines(
            frame, {"active_days": "Days", "authors": "Authors"}, "Count", format=",.0f", tickMinStep=1
        ),
        metrics=["agg_repository_month.active_days", "agg_repository_month.commit_authors"],
        n=theme.count(data.height, "month"),
    )


def _styles(now: Filters) -> None:
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown("#### How the repositories merge")
        st.caption(
            "Squashing makes one commit of a pull request, merging keeps all of them: look here before comparing "
            "repositories by commits."
        )
        tables.table(
            commits.style(now),
            key="styles",
            empty="There are no commits in this period.",
            merge_share=st.column_config.NumberColumn("Merge commits", format="percent"),
            web_share=st.column_config.NumberColumn(
                "Made on GitHub", format="percent", help="Squashed, rebased or edited on the web"
            ),
        )


draw()
