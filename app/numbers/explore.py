"""Any gold table, filtered: the query is built from names that the catalogue knows, values are bound."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from app import queries

SHOWN = 500
COMPARISONS = {
    "text": {"contains": "contains", "is": "=", "is not": "<>"},
    "number": {"=": "=", "at least": ">=", "at most": "<=", "not": "<>"},
    "time": {"from": ">=", "before": "<"},
    "truth": {"is": "="},
}
EMPTY = {"is empty": "is null", "is not empty": "is not null"}


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter: `comparison` is one of COMPARISONS for the column's kind, or of EMPTY."""

    column: str
    comparison: str
    value: str | float | bool | date | None


def kind(data_type: str) -> str:
    """Which comparisons a column takes."""
    name = data_type.upper()
    if name == "BOOLEAN":
        return "truth"
    if name.startswith(("TIMESTAMP", "DATE")):
        return "time"
    numeric = (
        "INT",
        "BIGINT",
        "HUGEINT",
        "SMALLINT",
        "TINYINT",
        "INTEGER",
        "DOUBLE",
        "FLOAT",
        "DECIMAL",
        "UBIGINT",
    )
    return "number" if name.startswith(numeric) else "text"


def names() -> list[str]:
    """The gold tables."""
    return queries.columns()["table_name"].unique(maintain_order=True).to_list()


def described(table: str) -> pl.DataFrame:
    """column_name, data_type, comment of one table."""
    return queries.columns().filter(pl.col("table_name") == table).drop("table_name")


def comment(table: str) -> str:
    """What one row of the table is."""
    row = queries.ask_row(
        "select comment from duckdb_tables() where schema_name = 'gold' and table_name = $wanted "
        "and database_name = current_database()",
        {"wanted": table},
    )
    return str(row.get("comment") or "")


def query(
    table: str, columns: list[str], conditions: list[Condition], limit: int | None
) -> tuple[str, dict[str, Any]]:
    """SQL and its parameters. Raises ValueError for a table or column that gold has not."""
    known = {row["column_name"]: row["data_type"] for row in described(table).iter_rows(named=True)}
    strange = {*columns, *(condition.column for condition in conditions)} - known.keys()
    if not known or strange:
        raise ValueError(f"gold has no {table} with {', '.join(sorted(strange)) or 'columns'}")
    shown = ", ".join(_quoted(column) for column in columns) if columns else "*"
    tests, params = [], {}
    for place, condition in enumerate(conditions):
        test, value = _test(condition, kind(known[condition.column]), f"value_{'abcdefgh'[place]}")
        tests.append(test)
        params.update(value)
    where = f"\nwhere {' and '.join(tests)}" if tests else ""
    until = f"\nlimit {limit:d}" if limit is not None else ""
    return f"select {shown}\nfrom gold.{_quoted(table)}{where}{until}", params


def _test(condition: Condition, kind_name: str, name: str) -> tuple[str, dict[str, Any]]:
    column = _quoted(condition.column)
    if condition.comparison in EMPTY:
        return f"{column} {EMPTY[condition.comparison]}", {}
    operator = COMPARISONS[kind_name][condition.comparison]
    if operator == "contains":
        return f"contains(lower({column}), lower(${name}))", {name: condition.value}
    return f"{column} {operator} ${name}", {name: condition.value}


def _quoted(name: str) -> str:
    plain = name.isidentifier() and name.islower()
    return name if plain else '"' + name.replace('"', '""') + '"'


EXAMPLES = {
    "Who carries each repository": """-- Commits of the last twelve whole months by person: core, regular, casual
select full_name, login, onion_tier, commits_12m, round(share_of_commits_12m, 3) as share
from gold.agg_user_repository
where commits_12m > 0
order by full_name, commits_12m desc""",
    "Is the backlog growing?": """-- Open issues at the end of each whole month, and the change in a year
select
    full_name, month_start_date, open_issues_end,
    open_issues_end - lag(open_issues_end, 12) over (partition by full_name order by month_start_date) as in_a_year
from gold.agg_repository_month
where is_complete_month
order by month_start_date desc, full_name""",
    "Contributors a year, counted right": """-- Who is active in several months is one person: never sum months
select year(month_start_date) as year, count(distinct user_key) as people
from gold.agg_user_month
where is_human and contributions > 0
group by all
order by year desc""",
    "Longest open issues": """select r.full_name, i.issue_number, i.title, i.open_age_days, i.comments_count
from gold.fct_issues as i
inner join gold.dim_repository as r using (repository_key)
where i.is_open
order by i.open_age_days desc
limit 50""",
    "Labels that take longest": """select
    l.label_name, count(*) as closed_issues, round(median(i.days_to_close), 1) as median_days
from gold.fct_issues as i
inner join gold.bridge_issue_label as b using (issue_key)
inner join gold.dim_label as l using (label_key)
where not i.is_open
group by all
having count(*) >= 5
order by median_days desc""",
    "What a number means": """select label, formula, excludes, unit, additivity, model
from gold.metric_catalog
order by model, label""",
}
