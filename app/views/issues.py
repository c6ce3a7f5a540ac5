"""Issues: is the backlog growing, how long does closing take, and what should be looked at?"""

from __future__ import annotations

import polars as pl
import streamlit as st

from app import cards, charts, tables, theme, timecharts
from app.cards import Card
from app.filters import Filters
from app.guard import chosen
from app.numbers import issue_lists, issues

_BANDS = ["over 90 days", "31–90 days", "8–30 days", "0–7 days"]
_REASONS = ["Completed", "Not planned", "Duplicate", "Unknown"]


def draw() -> None:
    """The page."""
    now = chosen()
    series = issues.series(now)
    cards.heading("Issues", _sentence(now))
    cards.row(_flow(now, series), _ages(now))
    cards.row(_time(now), _survival(now))
    cards.row(_classes(now), _reasons(now))
    _lists(now)


def _sentence(now: Filters) -> str:
    state = issue_lists.open_now(now)
    if not state["n"]:
        return "No issue is open."
    return (
        f"{theme.count(state['n'], 'issue is', 'issues are')} open: {state['unanswered']:,} unanswered, "
        f"{state['stale']:,} without an update for 90 days. "
        f"The oldest has waited {theme.days(state['oldest_days'])}."
    )


def _flow(now: Filters, data: pl.DataFrame) -> Card:
    whole = data.filter(pl.col("is_complete"))
    net = cards.total(whole, "opened") - cards.total(whole, "closed")
    grown = f"{theme.count(abs(net), 'more', 'more')} {'opened than closed' if net > 0 else 'closed than opened'}"
    return Card(
        key="issues_flow",
        title=f"Opened and closed: {grown}" if net else "Opened and closed: as many of each",
        note=f"By {now.grain}, by anybody; the line is the difference. Closed counts an issue's last closing",
        data=data,
        draw=lambda frame: timecharts.mirrored(
            frame, "opened", "closed", ("Opened", "Closed", "Issues"), now.grain
        ),
        metrics=["agg_repository_month.issues_opened", "agg_repository_month.issues_closed"],
        n=f"{cards.total(data, 'opened'):,} opened, {cards.total(data, 'closed'):,} closed",
        rows=lambda: issue_lists.rows(now),
        within=cards.within(issue_lists.rows, now),
        moment=("opened_at", "closed_at"),
        grain=now.grain,
    )


def _ages(now: Filters) -> Card:
    data = issues.open_by_age(now)
    return Card(
        key="issues_ages",
        title=cards.backlog_title(issues.monthly(now)),
        note="Issues open at the end of each month, by how long they had been open",
        data=data,
        draw=lambda frame: timecharts.stacked(frame, "issues", "band", _BANDS, "Open issues"),
        metrics=["agg_repository_month.open_issues_end", "agg_repository_month.median_open_age_days"],
        n=theme.count(issue_lists.open_now(now)["n"], "issue") + " open at the last sync",
        rows=lambda: issue_lists.work_list(now, "Oldest"),
    )


def _time(now: Filters) -> Card:
    data = issues.time_to_close(now)
    whole = data.filter(pl.col("is_complete") & pl.col("median_days").is_not_null())
    newest = (
        f": half within {theme.days(whole['median_days'][-1])} in {theme.month(whole['period'][-1])}"
        if whole.height
        else ""
    )
    return Card(
        key="issues_time",
        title=f"Time to close{newest}",
        note="Of the issues closed in each month; a month without any is a gap. Days, on a logarithmic axis",
        data=data.filter(pl.lit(bool(data["n"].sum()))),
        draw=lambda frame: timecharts.durations(
            frame, {"median_days": "Half closed within", "p90_days": "Nine in ten within"}
        ),
        metrics=["agg_repository_month.median_days_to_close", "agg_repository_month.p90_days_to_close"],
        n=theme.count(cards.total(data, "n"), "closed issue"),
        rows=lambda: issue_lists.rows(now),
        empty="No issue was closed in this period.",
    )


def _survival(now: Filters) -> Card:
    data = issues.survival(now)
    return Card(
        key="issues_survival",
        title="How long an issue stays open, by year of opening",
        note="Share still open after so many days. Open issues count as long as they have lasted (Kaplan–Meier)",
        data=data,
        draw=lambda frame: charts.curves(
            frame, "age_days", "still_open", "cohort", "Days since opening", "Still open"
        ),
        metrics=["agg_issue_survival.km_survival"],
        about="All issues of the last four years, whatever the period above.",
        n=theme.count(
            int(data.group_by("cohort").agg(pl.col("n").max())["n"].sum()) if data.height else 0, "issue"
        ),
    )


def _classes(now: Filters) -> Card:
    data = issues.by_class(now)
    return Card(
        key="issues_classes",
        title="What the issues are about",
        note="Opened in the period, by what their labels say",
        data=data,
        draw=lambda frame: charts.ranked(frame, "issue_class", "opened", "Opened", theme.ORANGE),
        metrics=["fct_issues.issue_class"],
        n=theme.count(cards.total(data, "opened"), "issue"),
        rows=lambda: issue_lists.rows(now),
        empty="No issue was opened in this period.",
    )


def _reasons(now: Filters) -> Card:
    data = issues.closed_reasons(now)
    return Card(
        key="issues_reasons",
        title="Why issues were closed",
        note="By month of closing; unknown: closed before GitHub kept a reason",
        data=data,
        draw=lambda frame: timecharts.stacked(frame, "issues", "reason", _REASONS, "Issues"),
        metrics=[
            f"agg_repository_month.issues_closed_{r}" for r in ("completed", "not_planned", "duplicate", "unknown")
        ],
        n=theme.count(cards.total(data, "issues"), "closed issue"),
        rows=lambda: issue_lists.rows(now),
        within=cards.within(issue_lists.rows, now),
        moment=("closed_at",),
        empty="No issue was closed in this period.",
    )


def _lists(now: Filters) -> None:
    with st.container(border=True):
        st.markdown("#### To look at")
        name = st.segmented_control(
            "List", list(issue_lists.LISTS), default="Oldest", label_visibility="collapsed", required=True
        )
        st.caption(issue_lists.LISTS[name] + " The first 200; open as of the last sync.")
        tables.table(
            issue_lists.work_list(now, name), key="worklist", empty="None: nothing to do here.", height=420
        )


draw()
