"""Rows as tables. What came from GitHub is shown as text, whatever it looks like."""

from __future__ import annotations

from typing import Any, Literal

import polars as pl
import streamlit as st

from hear_app.spreadsheet import FORMULA, MARK, guarded

# The address carries the name behind its #, so that the link can show it.
PERSON = st.column_config.LinkColumn("Person", display_text=r"#(.*)$", help="Opens the person's own page")
_WEB = r"^https?://"
_SAFE = 2**53
COLUMNS: dict[str, Any] = {
    "link": st.column_config.LinkColumn("GitHub", display_text="open", width="small"),
    "title": st.column_config.TextColumn("Title", width="large"),
    "subject": st.column_config.TextColumn("Subject", width="large"),
    "repository": st.column_config.TextColumn("Repository"),
    "number": st.column_config.NumberColumn("#", format="%d", width="small"),
    "committed_at": st.column_config.DatetimeColumn("Committed (UTC)", format="YYYY-MM-DD HH:mm"),
    "opened_at": st.column_config.DatetimeColumn("Opened (UTC)", format="YYYY-MM-DD HH:mm"),
    "closed_at": st.column_config.DatetimeColumn("Closed (UTC)", format="YYYY-MM-DD HH:mm"),
    "at": st.column_config.DatetimeColumn("When (UTC)", format="YYYY-MM-DD HH:mm"),
    "days_to_close": st.column_config.NumberColumn("Days to close", format="%.1f"),
    "days_to_merge": st.column_config.NumberColumn("Days to merge", format="%.1f"),
    "open_age_days": st.column_config.NumberColumn("Open for (days)"),
    "inactive_days": st.column_config.NumberColumn("Quiet for (days)"),
    "last_month": st.column_config.DateColumn("Last active", format="MMM YYYY"),
    "first_month": st.column_config.DateColumn("First active", format="MMM YYYY"),
    "share": st.column_config.NumberColumn("Share", format="percent"),
    "running_share": st.column_config.NumberColumn("With those before", format="percent"),
}


def table(
    frame: pl.DataFrame, key: str, empty: str, height: int | Literal["auto"] = "auto", **columns: Any
) -> None:
    """Rows as a table: text is shown as text, links open GitHub. `columns` configure those not in COLUMNS."""
    if frame.is_empty():
        nothing(empty)
        return
    frame = frame.with_columns(pl.col(name).round(3) for name in frame.columns if name.endswith("share"))
    if "link" in frame.columns:  # an address comes from the API too, and `javascript:` is one
        frame = frame.with_columns(pl.when(pl.col("link").str.contains(_WEB)).then(pl.col("link")))
    if "link" in frame.columns and {"title", "subject"} & set(frame.columns):
        frame = frame.select("link", pl.exclude("link"))  # else a long title pushes it out of sight
    known = {**COLUMNS, **columns}
    config = {
        name: _configured(known.get(name, name.replace("_", " ").capitalize()), kind)
        for name, kind in frame.schema.items()
    }
    st.dataframe(frame, hide_index=True, column_config=config, height=height, key=key, placeholder="")


def raw_table(frame: pl.DataFrame, key: str, empty: str) -> None:
    """Rows as they are in the warehouse, under the columns' own names."""
    if frame.is_empty():
        nothing(empty)
        return
    # A browser's numbers end at 53 bits; surrogate keys do not.
    wide = [c.name for c in frame.iter_columns() if c.dtype == pl.Int64 and (c.abs() >= _SAFE).any()]
    config = {name: st.column_config.DateColumn(name) for name, kind in frame.schema.items() if kind == pl.Date}
    st.dataframe(
        frame.with_columns(pl.col(wide).cast(pl.String)),
        hide_index=True,
        column_config=config,
        height=420,
        key=key,
    )


def _configured(wanted: Any, kind: pl.DataType) -> Any:
    """A column of which only the label is known, shown as its type asks for."""
    if not isinstance(wanted, str):
        return wanted
    if kind.is_integer() or kind.is_decimal():
        return st.column_config.NumberColumn(wanted, format="localized")
    if kind == pl.Date:
        return st.column_config.DateColumn(wanted)
    return st.column_config.Column(wanted)


def csv(frame: pl.DataFrame) -> bytes:
    """Rows as a file that a spreadsheet may open: no text in it starts a formula, and no column's name."""
    frame = frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    texts = pl.col(pl.String)
    marked = pl.when(texts.str.contains(FORMULA)).then(pl.lit(MARK) + texts).otherwise(texts)
    header = pl.DataFrame([[guarded(name) for name in frame.columns]], orient="row")  # two may be the same now
    rows = frame.with_columns(marked.name.keep())
    return (header.write_csv(include_header=False) + rows.write_csv(include_header=False)).encode()


def nothing(text: str) -> None:
    """A sentence in place of a plot or a table."""
    st.markdown(f":gray[:material/info: {text}]")
