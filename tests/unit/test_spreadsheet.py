"""CSV that starts no formula, from `hear sql`, `hear export` and a page; each is read back by Python's csv."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from app import tables
from hear_app import bronze, export, query

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "  -x",
    "\uff1d1",
    "\uff20x",
    '=HYPERLINK("a","b")',
]
HARMLESS = ["", "a=b", "fix: - x", "'=1", "1+1", "a\n=b", "ünï", "a,b;c", '"']
TEXTS = FORMULAS + HARMLESS


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A file with texts of each kind in gold, and numbers that look like formulas beside them."""
    path = tmp_path / "hear.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(bronze.schema_sql())
        connection.execute('create schema gold; create table gold.t (n integer, "a ""text" varchar, d double)')
        connection.executemany(
            "insert into gold.t values (?, ?, -0.5)", [(-at, text) for at, text in enumerate(TEXTS)]
        )
    return path


def check(written: str) -> None:
    header, *rows = csv.reader(io.StringIO(written, newline=""))
    assert header == ["n", 'a "text', "d"]
    assert [row[1] for row in rows] == [f"'{text}" for text in FORMULAS] + HARMLESS
    assert [(row[0], row[2]) for row in rows] == [(str(-at), "-0.5") for at in range(len(TEXTS))]


def test_a_query(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query.run(published, "from gold.t", query.Format.CSV)
    sys.stdout.flush()
    check(capsys.readouterr().out)


def test_the_names_of_a_query(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query.run(published, 'select 1 as "=1+1"', query.Format.CSV)
    assert capsys.readouterr().out == "'=1+1\n1\n"


def test_an_export(published: Path, tmp_path: Path) -> None:
    [csv_file] = export.export(published, tmp_path / "csv", export.Format.CSV)
    check(csv_file.read_bytes().decode())
    [parquet] = export.export(published, tmp_path / "parquet", export.Format.PARQUET)
    assert pl.read_parquet(parquet)['a "text'].to_list() == TEXTS


def test_a_page(published: Path) -> None:
    with duckdb.connect(str(published), read_only=True) as connection:
        check(tables.csv(pl.DataFrame(connection.sql("from gold.t"))).decode())


def test_a_page_guards_names_of_columns_and_categories_too() -> None:
    categories = pl.Series(["=1+1", "a", None], dtype=pl.Categorical)
    frame = pl.DataFrame(
        {"=cmd()": categories, "'=cmd()": categories.cast(pl.Enum(["=1+1", "a"])), "n": [-1, 0, 1]}
    )
    header, *rows = csv.reader(io.StringIO(tables.csv(frame).decode(), newline=""))
    assert header == ["'=cmd()", "'=cmd()", "n"]
    assert rows == [["'=1+1", "'=1+1", "-1"], ["a", "a", "0"], ["", "", "1"]]
    assert tables.csv(frame.clear()).decode() == "'=cmd(),'=cmd(),n\n"
