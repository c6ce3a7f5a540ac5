"""What the numbers mean: the metric catalog, and, for what it does not name, the columns' own comments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from app import queries


@dataclass(frozen=True, slots=True)
class Metric:
    """One definition."""

    label: str
    formula: str
    excludes: str
    unit: str
    additivity: str
    column: str


def metrics(names: Sequence[str]) -> list[Metric]:
    """The definitions of `table.column` names, in their order; those that nothing defines are left out."""
    return [found for name in names if (found := _from_catalog(name) or _from_comment(name))]


def _from_catalog(name: str) -> Metric | None:
    if not queries.has("metric_catalog", "additivity"):
        return None
    table, _, column = name.partition(".")
    row = queries.ask_row(
        """
        select label, formula, excludes, unit, additivity
        from gold.metric_catalog where model = $model and column_name = $column_name
        """,
        {"model": table, "column_name": column},
    )
    return Metric(**{key: value or "" for key, value in row.items()}, column=f"gold.{name}") if row else None


def _from_comment(name: str) -> Metric | None:
    table, _, column = name.partition(".")
    found = queries.columns().filter((pl.col("table_name") == table) & (pl.col("column_name") == column))
    if found.is_empty():
        return None
    comment = found["comment"][0] or ""
    return Metric(column.replace("_", " ").capitalize(), comment, "", "", "", f"gold.{name}")
