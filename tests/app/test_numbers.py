"""The queries behind the charts against gold's own aggregates, and against SQL written another way."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest

from app import filters, queries
from app.filters import DEFAULTS, Filters
from app.numbers import commits, explore, issue_lists, issues, overview, people, pull_requests, risk
from app.numbers.explore import Condition


@pytest.fixture(autouse=True)
def _over(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEAR_WAREHOUSE", str(sample))


def choice(**chosen: str) -> Filters:
    return filters.resolve({**DEFAULTS, "period": "all", **chosen}, filters.repositories())


@pytest.mark.parametrize("grain", ["day", "week"])
def test_days_and_weeks_add_up_to_the_months(grain: str) -> None:
    monthly, finer = choice(bots="1", merges="1"), choice(bots="1", merges="1", grain=grain)
    assert commits.series(finer)["commits"].sum() == commits.series(monthly)["commits"].sum()
    for column in ("opened", "closed"):
        assert issues.series(finer)[column].sum() == issues.series(monthly)[column].sum()
    for column in ("opened", "merged", "closed_unmerged"):
        assert pull_requests.series(finer)[column].sum() == pull_requests.series(monthly)[column].sum()
    assert issues.series(finer)["open_at_end"][-1] == issues.series(monthly)["open_at_end"][-1]


def test_commits_with_everything_on_are_all_commits() -> None:
    dated = queries.ask_row("select count(*) as n from gold.fct_commits where committed_date_key > 0")
    assert commits.series(choice(bots="1", merges="1"))["commits"].sum() == dated["n"]


def test_the_backlog_by_age_is_the_backlog() -> None:
    now = choice()
    ages = issues.open_by_age(now).group_by("period").agg(pl.col("issues").sum()).sort("period")
    levels = issues.monthly(now).filter(pl.col("open_at_end") > 0)
    assert ages["issues"].to_list() == levels["open_at_end"].to_list()


def test_the_absence_factor_of_one_repository_is_golds() -> None:
    now = choice(repos="brackwater/tidegauge")
    gold = queries.ask(
        """
        select month_start_date as period, contributor_absence_factor as factor, top_contributor_share as top_share
        from gold.agg_repository_month
        where full_name = 'brackwater/tidegauge' and contributor_absence_factor is not null and month_key > 0
        order by period
        """
    )
    ours = risk.factor(now, 12, 0.5)
    assert ours["period"].to_list() == gold["period"].to_list()
    assert ours["factor"].to_list() == gold["factor"].to_list()
    assert ours["top_share"].to_list() == pytest.approx(gold["top_share"].to_list())


def test_the_tiers_of_one_repository_are_golds() -> None:
    ours = risk.shares(choice(repos="brackwater/saltmap"), 12, 0.5)
    gold = queries.ask(
        """
        select coalesce(login, display_name) as person, onion_tier from gold.agg_user_repository
        where full_name = 'brackwater/saltmap' and onion_tier is not null
        """
    )
    assert {(person, tier.lower()) for person, tier in ours.select("person", "tier").iter_rows()} == set(
        gold.iter_rows()
    )
    assert ours["is_needed"].sum() == risk.factor(choice(repos="brackwater/saltmap"), 12, 0.5)["factor"][-1]


def test_survival_is_that_of_kaplan_and_meier() -> None:
    ours = issues.survival(choice())
    lifetimes = queries.ask(
        """
        select year(opened_at)::varchar as cohort, is_open,
            case when is_open then open_age_days else floor(greatest(days_to_close, 0)) end::int as age
        from gold.fct_issues where opened_date_key > 0 and closed_date_key <> -1
        """
    )
    for cohort in ours["cohort"].unique():
        curve = dict(ours.filter(pl.col("cohort") == cohort).select("age_days", "still_open").iter_rows())
        ages = lifetimes.filter(pl.col("cohort") == cohort)
        still = 1.0
        for age in range(366):
            at_risk, closed = (
                ages.filter(pl.col("age") >= age),
                ages.filter((pl.col("age") == age) & ~pl.col("is_open")),
            )
            still *= 1 - closed.height / at_risk.height if at_risk.height else 1
            assert curve.get(age, still) == pytest.approx(still), (cohort, age)


def test_people_are_counted_once() -> None:
    now = choice()
    gold = queries.ask_row(
        "select count(distinct user_key) as n from gold.agg_user_month where is_human and contributions > 0"
    )
    unknown = queries.ask_row(
        """
        select count(*) as n from (
            select user_key from gold.agg_user_month where is_human and contributions > 0
            group by all having max(month_key) < 0
        )
        """
    )
    assert people.counted(now) == gold["n"] - unknown["n"]
    assert people.recency(now)["people"].sum() == people.counted(now)
    assert people.table(now).height == people.counted(now)
    monthly = people.series(now).group_by("period").agg(pl.col("people").sum()).sort("period")
    tiles = overview.months(now).filter(pl.col("contributors") > 0)
    assert monthly["people"].to_list()[-tiles.height :] == tiles["contributors"].to_list()
    assert people.series(now).filter(pl.col("status") == "New")["people"].sum() == people.counted(now)


def test_rows_behind_carry_links() -> None:
    now = choice()
    for frame, path in (
        (commits.rows(now), "/commit/"),
        (issue_lists.rows(now), "/issues/"),
        (pull_requests.rows(now), "/pull/"),
    ):
        assert 0 < frame.height <= 1000
        assert frame["link"].str.contains(path, literal=True).all()
        assert frame["link"].str.starts_with("https://").all()


def test_explore_binds_values_and_knows_its_columns() -> None:
    hostile = "x' or 1=1 --"
    sql, params = explore.query("fct_issues", ["title"], [Condition("title", "contains", hostile)], 10)
    assert hostile not in sql
    assert queries.ask(sql, params).is_empty()
    for table, column in (("fct_issues", "no_such"), ("no_such", "title"), ('fct_issues" --', "title")):
        with pytest.raises(ValueError, match="gold has no"):
            explore.query(table, [column], [], None)
    for name, text in explore.EXAMPLES.items():
        assert queries.ask(text).width > 1, name


def test_every_gold_column_is_described() -> None:
    assert queries.columns().filter(pl.col("comment").is_null()).is_empty()


def test_a_query_sees_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hear.duckdb"
    monkeypatch.setenv("HEAR_WAREHOUSE", str(path))
    for number in (1, 2, 3):
        made = tmp_path / "made.duckdb"
        with duckdb.connect(str(made)) as connection:
            connection.execute(
                "create schema bronze; create table bronze.runs (n int); create table bronze.loads (n int)"
            )
            connection.execute(f"create table t as select {number} as n")
        made.replace(path)
        assert queries.ask_row("select n from t") == {"n": number}


@pytest.mark.parametrize(
    ("period", "since", "until"),
    [
        ("12m", "2025-06-01", "2026-07-01"),
        ("all", "1970-01-01", "2026-07-01"),
        ("2024", "2024-01-01", "2025-01-01"),
    ],
)
def test_periods(period: str, since: str, until: str) -> None:
    now = choice(period=period)
    assert (str(now.since), str(now.until)) == (since, until)
