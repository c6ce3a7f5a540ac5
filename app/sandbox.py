"""The SQL box of a page: rows of one's own query, in cells that a table can show."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hear_app.sandbox import MAX_SECONDS, RefusedError, Result
from hear_app.sandbox import run as run_apart

__all__ = ["MAX_ROWS", "MAX_SECONDS", "RefusedError", "Result", "run"]

MAX_ROWS = 5_000
_MAX_CELL = 5_000  # characters
_AS_TEXT = {pl.Binary, pl.Object, pl.Duration, pl.Time, pl.Int128}


def run(path: Path, query: str, seconds: float = MAX_SECONDS, rows: int = MAX_ROWS) -> Result:
    """The first `rows` rows of one reading statement. Raises as hear_app.sandbox.run."""
    result = run_apart(path, query, seconds, rows)
    return Result(_shortened(result.frame), result.was_cut)


def _shortened(frame: pl.DataFrame) -> pl.DataFrame:
    """Cells as a table can show them: long texts cut, lists and the like as text."""
    shown = [
        pl.Series(
            column.name, [None if value is None else str(value) for value in column.to_list()], dtype=pl.String
        )
        if column.dtype.is_nested() or column.dtype in _AS_TEXT
        else column
        for column in frame.iter_columns()
    ]
    return pl.DataFrame(shown).with_columns(pl.col(pl.String).str.slice(0, _MAX_CELL))
