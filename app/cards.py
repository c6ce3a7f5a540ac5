"""How a page is put together: tiles, charts with what stands behind them, and lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import streamlit as st

from app import guard, theme, timecharts
from app.filters import Filters
from app.numbers import catalog
from app.tables import csv, nothing, table

Rows = Callable[[], pl.DataFrame]
Draw = Callable[[pl.DataFrame], Any]

_ADDITIVITY = {
    "additive": "over months and repositories",
    "over_months": "over months only",
    "over_repositories": "over repositories only",
    "non_additive": "never: whoever is in two rows would be counted twice",
}


@dataclass(frozen=True, slots=True)
class Card:
    """One chart and what belongs to it.

    `metrics` are `table.column` names, explained by the metric catalog. `rows` gives what stands behind the chart,
    with a `link` for each; `within` those of a span of days, for a click on a bar, and `moment` names the columns
    that have to lie in it. `empty` is said in place of an empty plot.
    """

    key: str
    title: str
    data: pl.DataFrame
    draw: Draw
    metrics: Sequence[str]
    note: str = ""
    about: str = ""
    n: str = ""
    rows: Rows | None = None
    within: Callable[[date, date], pl.DataFrame] | None = None
    moment: tuple[str, ...] = ()
    grain: str = "month"
    empty: str = "There is nothing to show for this choice: widen the period or choose other repositories."
    hides: Sequence[str] = ()
    columns: Mapping[str, Any] = field(default_factory=dict)


def tile(label: str, values: Sequence[float], usual: float | None, help_text: str, kind: str = "bar") -> None:
    """A number with its last thirteen months, and how it differs from the usual one."""
    newest = values[-1]
    delta: str | None = None
    if usual is not None:
        difference = newest - usual
        delta = "as usual" if difference == 0 else f"{difference:+,.0f} vs. usual {usual:,.0f}"
    st.metric(
        label,
        theme.number(newest),
        delta,
        delta_color="primary",
        delta_arrow="auto" if usual is not None and newest != usual else "off",
        border=True,
        chart_data=list(values),
        chart_type="bar" if kind == "bar" else "area",
        help=help_text,
    )


def usual(values: Sequence[float]) -> float | None:
    """The median of the six before the last; None where there are fewer."""
    before = sorted(values[-7:-1])
    return (before[2] + before[3]) / 2 if len(before) == 6 else None


def chart_card(card: Card) -> None:
    """Draws a card."""
    with st.container(border=True, key=f"card_{card.key}", height="stretch", gap="xsmall"):
        _inside(card)


@st.fragment
def _inside(card: Card) -> None:
    """What is in a card; it reruns alone when one looks behind it."""
    with guard.explained():
        _draw(card)


def _draw(card: Card) -> None:
    st.markdown(f"#### {card.title}")
    if card.note:
        st.caption(card.note)
    if card.data.is_empty():
        nothing(card.empty)
        _foot(card)
        return
    chart, key = card.draw(card.data), f"chart_{card.key}"
    event: Any = None
    if card.rows is not None and card.moment:
        event = st.altair_chart(chart, width="stretch", key=key, on_select="rerun", selection_mode=timecharts.PICK)
    else:
        st.altair_chart(chart, width="stretch", key=key)
    _foot(card)
    _show_picked(card, event)


def _foot(card: Card) -> None:
    with st.container(horizontal=True, gap="small", key=f"foot_{card.key}"):
        about = st.popover(
            "About", type="tertiary", icon=":material/help:", key=f"about_{card.key}", on_change="rerun"
        )
        if about.open:
            with about:
                _about(card)
        if card.rows is not None and st.button(
            "Rows", type="tertiary", icon=":material/table_rows:", key=f"rows_{card.key}"
        ):
            _behind(card, None)
        if not card.data.is_empty():
            st.download_button(
                "CSV",
                data=lambda: csv(card.data.drop(card.hides, strict=False)),
                file_name=f"hear-{card.key}.csv",
                mime="text/csv",
                type="tertiary",
                icon=":material/download:",
                key=f"csv_{card.key}",
                on_click="ignore",
            )


def _about(card: Card) -> None:
    st.markdown("**About this metric**")
    if card.about:
        st.write(card.about)
    for metric in catalog.metrics(card.metrics):
        st.markdown(f"**{theme.escaped(metric.label)}**  \n{theme.escaped(metric.formula)}")
        facts = [
            ("Not counted", metric.excludes),
            ("Unit", metric.unit),
            ("Adds up", _ADDITIVITY.get(metric.additivity, metric.additivity)),
            ("Where", metric.column),
        ]
        st.caption("  \n".join(f"{name}: {theme.escaped(text)}" for name, text in facts if text))
    st.caption(f"n = {card.n or theme.count(card.data.height, 'row')}")


def _show_picked(card: Card, event: Any) -> None:
    """Opens the rows of a bar that was clicked; once, not on each rerun after it."""
    picked = (event or {}).get("selection", {}).get(timecharts.PICK) or []
    start = picked[0].get("start") if picked else None
    seen = f"seen_{card.key}"
    if start == st.session_state.get(seen):
        return
    st.session_state[seen] = start
    if start is not None:
        _behind(card, datetime.fromtimestamp(start / 1000, UTC).date())


def _rows(card: Card, picked: date | None) -> pl.DataFrame:
    if card.rows is None:
        return pl.DataFrame()
    if picked is None:
        return card.rows()
    end = timecharts.period_end(picked, card.grain)
    st.caption(f"From {picked:%Y-%m-%d} to before {end:%Y-%m-%d}.")
    frame = card.within(picked, end) if card.within else card.rows()
    inside = [pl.col(name).cast(pl.Date).is_between(picked, end, closed="left") for name in card.moment]
    return frame.filter(pl.any_horizontal(*inside))


def within(rows: Callable[[Filters], pl.DataFrame], now: Filters) -> Callable[[date, date], pl.DataFrame]:
    """The rows of a span of days in place of those of the whole period."""
    return lambda since, until: rows(replace(now, since=since, until=until))


@st.dialog("Rows behind the chart", width="large")
def _behind(card: Card, picked: date | None) -> None:
    st.markdown(f"**{card.title}**")
    with guard.explained():
        _list(card, _rows(card, picked))


def _list(card: Card, frame: pl.DataFrame) -> None:
    table(frame, key=f"behind_{card.key}", empty="No rows.", **card.columns)
    if frame.height >= 1000:
        st.caption("The newest 1,000 rows; the Explore page gives all of them.")


def row(*pair: Card) -> None:
    """Cards beside each other, of one height; on a phone below each other."""
    for place, card in zip(st.columns(len(pair)), pair, strict=True):
        with place:
            chart_card(card)


def backlog_title(months: pl.DataFrame) -> str:
    """Whether the backlog grows, in words; out of monthly numbers."""
    whole = months.filter(pl.col("is_complete"))
    if whole.height < 4:
        return "Open issues"
    now, before = whole["open_at_end"][-1], whole["open_at_end"][-4]
    if now == before:
        return f"The backlog stands at {now:,}, as three months before"
    return f"The backlog {'grows' if now > before else 'shrinks'}: {now:,} open, {before:,} three months before"


def total(frame: pl.DataFrame, column: str) -> int:
    """The sum of a column of counts; 0 where there are no rows."""
    return int(frame[column].cast(pl.Int64).sum()) if frame.height else 0


def heading(title: str, text: str) -> None:
    """A page's title, and in one sentence what it answers."""
    st.markdown(f"## {title}")
    st.markdown(f":gray[{text}]")
