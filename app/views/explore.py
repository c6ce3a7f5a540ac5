"""Explore: any gold table, its columns explained; and a box for one's own SQL."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import streamlit as st

from app import cards, queries, sandbox, tables, theme
from app.numbers import explore
from app.numbers.explore import Condition

_MOST_CONDITIONS = 4


def draw() -> None:
    """The page."""
    cards.heading(
        "Explore", "Every table of the gold schema, with what its columns mean; and a box for SQL of your own."
    )
    shown, box = st.tabs(["Tables", "SQL"], key="explore_tab", on_change="rerun")
    if shown.open:
        with shown:
            _tables()
    if box.open:
        with box:
            _box()


def _tables() -> None:
    names = explore.names()
    wanted = st.query_params.get("table", "")
    if "explore_table" not in st.session_state:
        st.session_state["explore_table"] = wanted if wanted in names else "agg_repository_month"
    table = st.selectbox("Table", names, key="explore_table", width=360)
    st.query_params["table"] = table
    meaning = explore.comment(table).removeprefix("Grain: ")
    st.markdown(f":gray[{theme.escaped(meaning[:1].upper() + meaning[1:])}]")
    described = explore.described(table)
    with st.expander(f"{theme.count(described.height, 'column')}, explained", icon=":material/menu_book:"):
        tables.table(
            described, key="described", empty="It has no columns.", column_name="Column", data_type="Type",
            comment=st.column_config.TextColumn("What it is", width="large"),
        )  # fmt: skip
    left, right = st.columns(2)
    with left:
        columns = st.multiselect(
            "Columns", described["column_name"].to_list(), placeholder="All", key=f"columns_{table}"
        )
    with right:
        conditions = _conditions(table, described)
    sql, params = explore.query(table, columns, conditions, explore.SHOWN)
    frame = queries.ask(sql, params)
    total = _total(table, conditions)
    st.markdown(
        f"**{theme.count(total, 'row')}**"
        + (f" :gray[· the first {explore.SHOWN:,} are shown, a download has all]" if total > explore.SHOWN else "")
    )
    tables.raw_table(frame, key="explored", empty="No row passes these filters.")
    _downloads(table, lambda: queries.ask(*explore.query(table, columns, conditions, None)))
    st.code(_with_values(sql, params), language="sql")


def _conditions(table: str, described: pl.DataFrame) -> list[Condition]:
    """The filters, added one by one."""
    kinds = {row["column_name"]: explore.kind(row["data_type"]) for row in described.iter_rows(named=True)}
    filtered = st.multiselect(
        "Filter by", list(kinds), placeholder="No filter", key=f"filtered_{table}", max_selections=_MOST_CONDITIONS
    )
    return [_condition(table, column, kinds[column]) for column in filtered]


def _condition(table: str, column: str, kind: str) -> Condition:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = f"{table}_{column}"
        choices = [*explore.COMPARISONS[kind], *explore.EMPTY]
        comparison = st.selectbox(column.replace("_", " "), choices, key=f"how_{key}", width=180)
        if comparison in explore.EMPTY:
            return Condition(column, comparison, None)
        return Condition(column, comparison, _value(kind, f"what_{key}"))


def _value(kind: str, key: str) -> str | float | bool | date:
    if kind == "truth":
        return st.selectbox("Value", ["true", "false"], key=key, width=220) == "true"
    if kind == "number":
        return st.number_input("Value", value=0.0, key=key, width=220, format="%g")
    if kind == "time":
        return st.date_input("Value", value=date(2025, 1, 1), min_value=date(1970, 1, 1), key=key, width=220)
    return st.text_input("Value", key=key, width=320)


def _total(table: str, conditions: list[Condition]) -> int:
    sql, params = explore.query(table, [], conditions, None)
    return int(queries.ask_row(f"select count(*) as n from ({sql})", params)["n"])  # noqa: S608


def _with_values(sql: str, params: dict[str, Any]) -> str:
    """The query as it can be pasted elsewhere: the bound values written in, quoted."""
    for name, value in params.items():
        written = (
            str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else None
        )
        sql = sql.replace(
            f"${name}", written if written is not None else "'" + str(value).replace("'", "''") + "'"
        )
    return sql


def _downloads(name: str, rows: Callable[[], pl.DataFrame]) -> None:
    """CSV and Parquet, made when they are asked for."""
    with st.container(horizontal=True):
        st.download_button(
            "CSV", lambda: tables.csv(rows()), f"{name}.csv", "text/csv", icon=":material/download:",
            on_click="ignore", key=f"csv_{name}",
        )  # fmt: skip
        st.download_button(
            "Parquet", lambda: _parquet(rows()), f"{name}.parquet", "application/vnd.apache.parquet",
            icon=":material/download:", on_click="ignore", key=f"parquet_{name}",
        )  # fmt: skip


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def _box() -> None:
    example = st.selectbox("Start from an example", list(explore.EXAMPLES), key="example", width=360)
    with st.form("sql_form", border=False):
        sql = st.text_area("One query that reads", explore.EXAMPLES[example], height=200, key=f"sql_{example}")
        asked = st.form_submit_button("Run", type="primary", icon=":material/play_arrow:")
    st.caption(
        "Read-only, DuckDB's SQL. It sees the warehouse and nothing else, runs "
        f"{sandbox.MAX_SECONDS:g} seconds at most, and shows {sandbox.MAX_ROWS:,} rows."
    )
    if asked:
        st.session_state["asked"] = sql
    if st.session_state.get("asked"):
        _answer(st.session_state["asked"])


def _answer(sql: str) -> None:
    try:
        with st.spinner("Running"):
            result = _cached(sql, queries.identity(queries.warehouse_path()))
    except sandbox.RefusedError as error:
        st.error("The query was not answered.", icon=":material/block:")
        st.code(str(error), language=None)
        return
    cut = f" :gray[· cut there: the query gives more than {sandbox.MAX_ROWS:,}]" if result.was_cut else ""
    st.markdown(f"**{theme.count(result.frame.height, 'row')}**{cut}")
    tables.raw_table(result.frame, key="answer", empty="The query gives no rows.")
    _downloads("query", lambda: result.frame)


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def _cached(sql: str, identity: queries.Identity | None) -> sandbox.Result:  # noqa: ARG001
    return sandbox.run(queries.warehouse_path(), sql)


draw()
