"""People: who is active, who stays; and, with ?user=LOGIN, one of them."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from app import cards, charts, tables, theme, timecharts
from app.cards import Card, chart_card
from app.filters import Filters
from app.guard import chosen
from app.numbers import people

_KINDS = ["Commits", "Co-authored", "Issues opened", "Pull requests opened"]
_TABLE: dict[str, Any] = {
    "person": tables.PERSON,
    "prs": st.column_config.NumberColumn("PRs opened"),
    "merged": st.column_config.NumberColumn("PRs merged"),
    "issues": st.column_config.NumberColumn("Issues opened"),
}


def draw() -> None:
    """The page: everybody, or one user."""
    user = st.query_params.get("user")
    if not user:
        _everybody(chosen())
        return
    found = people.find(user)
    if found:
        _one(found)
    else:
        cards.heading("People", "Nobody here is called that.")
        st.info(f"There is no user {theme.escaped(user)} in the warehouse.", icon=":material/person_off:")
        _back()


def _everybody(now: Filters) -> None:
    cards.heading("People", _sentence(now))
    cards.row(_active(now), _cohorts(now))
    with st.container(border=True):
        st.markdown("#### Everybody who contributed in the period, the most recently active first")
        st.caption("A contribution: a commit, co-authoring one, opening an issue or pull request.")
        tables.table(
            people.table(now).select("person", pl.exclude("person")),
            key="people",
            empty="Nobody contributed in this period.",
            height=520,
            **_TABLE,
        )


def _sentence(now: Filters) -> str:
    total = people.counted(now)
    states = dict(people.recency(now).iter_rows())
    if not states:
        return "Nobody has contributed yet."
    return (
        f"{theme.count(total, 'person', 'people')} contributed in this period. Of all who ever did, "
        f"{states.get('Active', 0):,} were active in the last six months, {states.get('Drifting', 0):,} in the "
        f"six before, {states.get('Away', 0):,} have been away for a year."
    )


def _active(now: Filters) -> Card:
    data = people.series(now)
    newcomers = data.filter((pl.col("status") == "New") & pl.col("is_complete")).tail(1)
    title = "Who is active each month"
    if newcomers.height:
        title += f": {newcomers['people'][0]:,} new in {theme.month(newcomers['period'][0])}"
    return Card(
        key="people_active",
        title=title,
        note="New: first month in the chosen repositories. Came back: after six months without a contribution",
        data=data,
        draw=lambda frame: timecharts.stacked(
            frame, "people", "status", ["Returning", "New", "Came back"], "People"
        ),
        metrics=[
            f"agg_repository_month.{name}_contributors" for name in ("active", "new", "returning", "reactivated")
        ],
        about="People are counted once a month over all chosen repositories together; months never add up.",
        n=theme.count(people.counted(now), "person", "people"),
        rows=lambda: people.table(now),
        columns=_TABLE,
        empty="Nobody contributed in this period.",
    )


def _cohorts(now: Filters) -> Card:
    data = people.cohorts(now)
    return Card(
        key="people_cohorts",
        title="Who stays, by quarter of the first contribution",
        note="Of each quarter's newcomers (in brackets), the share active so many months after their first",
        data=data,
        draw=_cohort_grid,
        metrics=["agg_contributor_cohort.retention_rate", "agg_contributor_cohort.cohort_size"],
        n=theme.count(
            int(data.group_by("cohort").agg(pl.col("cohort_size").max())["cohort_size"].sum())
            if data.height
            else 0,
            "person",
            "people",
        ),
        empty="No quarter's newcomers have had a whole month since.",
    )


def _cohort_grid(data: pl.DataFrame) -> charts.Drawn:
    labelled = data.filter(pl.col("months_since") > 0).with_columns(
        (
            pl.col("cohort").dt.year().cast(pl.String) + " Q" + pl.col("cohort").dt.quarter().cast(pl.String)
            + "  (" + pl.col("cohort_size").cast(pl.String) + ")"
        ).alias("name")
    )  # fmt: skip
    order = labelled.sort("cohort")["name"].unique(maintain_order=True).to_list()
    return charts.heat(
        labelled,
        alt.X(
            "months_since:O",
            axis=alt.Axis(
                title="Months since the first contribution",
                labelAngle=0,
                ticks=False,
                domain=False,
                labelOverlap=True,
            ),
        ),
        alt.Y("name:N", sort=order, axis=alt.Axis(title=None, ticks=False, domain=False, labelOverlap=False)),
        "retention",
        [
            alt.Tooltip("name:N", title="Began in (people)"),
            alt.Tooltip("months_since:O", title="Months later"),
            alt.Tooltip("active:Q", title="Active"),
            alt.Tooltip("retention:Q", title="Share", format=".0%"),
        ],
        ".0%",
    )


def _back() -> None:
    st.page_link("views/people.py", label="Everybody", icon=":material/arrow_back:")


def _one(user: dict[str, Any]) -> None:
    """One user: a timeline, repositories, how the identities came together, and the newest rows."""
    _back()
    name = user["display_name"] or user["login"] or "unknown"
    cards.heading(theme.escaped(name), _who(user))
    numbers = [("Commits", "commits"), ("Co-authored", "coauthored_commits"), ("Issues opened", "issues_opened"),
               ("PRs opened", "prs_opened"), ("PRs merged", "prs_merged")]  # fmt: skip
    with st.container(horizontal=True):
        for label, column in numbers:
            st.metric(label, theme.number(user[column] or 0), border=True, width=150)
    chart_card(_timeline(user))
    with st.container(border=True):
        st.markdown("#### Repositories")
        tables.table(people.user_repositories(user["user_key"]), key="user_repositories", empty="None.", **_TABLE)
    with st.container(border=True):
        st.markdown("#### The newest 500 contributions")
        tables.table(people.user_rows(user["user_key"]), key="user_rows", empty="None.", height=420, kind="What")


def _who(user: dict[str, Any]) -> str:
    parts = [
        f"@{user['login']}" if user["login"] else "No account on GitHub",
        user["actor_type"].replace("_", " "),
    ]
    if user["team"]:
        parts.append(f"team {user['team']}")
    if user["first_seen_at"]:
        parts.append(f"seen from {user['first_seen_at']:%B %Y} to {user['last_seen_at']:%B %Y}")
    aliases = user["alias_count"] or 0
    parts.append(f"{theme.count(aliases, 'identity', 'identities')}, joined by {user['identity_method']}")
    return " · ".join(theme.escaped(part) for part in parts)


def _timeline(user: dict[str, Any]) -> Card:
    data = people.user_months(user["user_key"]).with_columns(pl.lit(True).alias("is_complete"))
    return Card(
        key="user_timeline",
        title="Contributions a month",
        note="In all repositories, whatever the filters. Merge commits are not counted; empty months are gaps",
        data=data,
        draw=lambda frame: timecharts.stacked(frame, "contributions", "kind", _KINDS, "Contributions"),
        metrics=["agg_user_month.contributions"],
        n=theme.count(cards.total(data, "contributions"), "contribution"),
        rows=lambda: people.user_rows(user["user_key"]),
        moment=("at",),
        hides=("is_complete",),
        empty="This user has committed nothing and opened nothing; they were seen in another role.",
    )


draw()
