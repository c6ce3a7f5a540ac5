"""Risk: who carries the project, and on how few people does it rest?"""

from __future__ import annotations

import polars as pl
import streamlit as st

from app import cards, charts, tables, theme, timecharts
from app.cards import Card, chart_card
from app.filters import Filters
from app.guard import chosen
from app.numbers import risk

_SHOWN = 15


def draw() -> None:
    """The page."""
    now = chosen()
    title = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom", key="risk_settings"):
        window = st.slider("Months looked back", 3, 36, 12, key="risk_window", width=260)
        threshold = (
            st.slider("Share of the commits", 50, 90, 50, 5, format="%d%%", key="risk_share", width=260) / 100
        )
    shares = risk.shares(now, window, threshold)
    with title:
        cards.heading("Risk", _sentence(shares, window, threshold))
    left, right = st.columns(2)
    with left:
        chart_card(_pareto(shares, window, threshold))
    with right:
        chart_card(_factor(now, window, threshold))
        chart_card(_tiers(shares, window))
    with st.container(border=True):
        st.markdown("#### Each repository by itself")
        tables.table(
            risk.by_repository(now, window, threshold),
            key="risk_repositories",
            empty="No commits in these months.",
            factor=st.column_config.NumberColumn("Absence factor"),
            top_share=st.column_config.NumberColumn("Largest share", format="percent"),
            top_person=st.column_config.TextColumn("Whose"),
        )


def _needed(shares: pl.DataFrame) -> int:
    """How many people it takes to reach the threshold."""
    return cards.total(shares, "is_needed")


def _sentence(shares: pl.DataFrame, window: int, threshold: float) -> str:
    if shares.is_empty():
        return "There are no commits by people in these months."
    names = [theme.escaped(name) for name in shares["person"].head(_needed(shares))]
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    verb = "made" if threshold <= 0.5 else f"made {threshold:.0%} of"
    return (
        f"{shown} {verb} {'half of ' if threshold <= 0.5 else ''}the commits of the {window} months to "
        f"{theme.month(shares['period'][0])}; {theme.count(shares.height, 'person', 'people')} made all of them."
    )


def _pareto(shares: pl.DataFrame, window: int, threshold: float) -> Card:
    needed = _needed(shares)
    who = "One person carries" if needed == 1 else f"{needed} people carry"
    return Card(
        key="risk_pareto",
        title=f"{who} {threshold:.0%} of the commits" if needed else "Who made the commits",
        note=f"The {min(_SHOWN, shares.height)} with the most commits, of {shares.height}, over {window} months. "
        "Right: together with those above. People only, merge commits not counted",
        data=shares,
        draw=lambda frame: charts.pareto(frame.head(_SHOWN), needed),
        metrics=["agg_repository_month.contributor_absence_factor", "agg_repository_month.top_contributor_share"],
        n=theme.count(cards.total(shares, "commits"), "commit"),
        rows=lambda: shares.drop("period", "is_needed", "person").rename({"page": "person"}),
        columns={"person": tables.PERSON},
        hides=("page", "is_needed"),
        empty="There are no commits by people in these months.",
    )


def _factor(now: Filters, window: int, threshold: float) -> Card:
    data = risk.factor(now, window, threshold).with_columns(pl.lit(True).alias("is_complete"))
    newest = f": {data['factor'][-1]} in {theme.month(data['period'][-1])}" if data.height else ""
    return Card(
        key="risk_factor",
        title=f"Contributor absence factor{newest}",
        note=f"The fewest who made {threshold:.0%} of the commits of the {window} months up to each month",
        data=data,
        draw=lambda frame: timecharts.level(frame, "factor", "People"),
        metrics=["agg_repository_month.contributor_absence_factor"],
        about="With 12 months and 50% it is, for one repository, what agg_repository_month holds.",
        n=f"{data['commits'][-1]:,} commits by {data['authors'][-1]:,} people in the newest window"
        if data.height
        else "0",
        hides=("is_complete",),
    )


def _tiers(shares: pl.DataFrame, window: int) -> Card:
    data = (
        shares.group_by("tier").agg(pl.len().alias("people"), pl.col("commits").sum(), pl.col("share").sum())
        .sort("share", descending=True)
        if shares.height else shares
    )  # fmt: skip
    core = cards.total(data.filter(pl.col("tier") == "Core"), "people") if data.height else 0
    return Card(
        key="risk_tiers",
        title=f"{theme.count(core, 'person', 'people')} in the core" if core else "Core, regular and casual",
        note=f"Core: who together made 80% of {window} months' commits; regular: up to 95%; casual: the rest",
        data=data,
        draw=charts.tiers,
        metrics=["agg_user_repository.onion_tier"],
        n=theme.count(shares.height, "person", "people"),
        rows=lambda: shares.drop("period", "is_needed", "person").rename({"page": "person"}),
        columns={"person": tables.PERSON},
    )


draw()
