"""Each page over the sample, an empty warehouse, and none; and its numbers against SQL over gold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from hear_app.warehouse import reading
from tests.app.conftest import PAGES, Opened, texts


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with reading(path) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_draws_the_sample(opened: Opened, sample: Path, page: str) -> None:
    test = opened(sample, page)
    assert not test.exception
    assert not test.warning
    assert not test.error
    headings = [element.value for element in test.markdown if element.value.startswith("#")]
    assert len(headings) >= 2 or page == "explore"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_without_a_warehouse_says_what_to_do(opened: Opened, tmp_path: Path, page: str) -> None:
    test = opened(tmp_path / "none.duckdb", page)
    assert not test.exception
    assert "There is no warehouse yet" in texts(test)
    assert "hear run" in texts(test)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_over_an_empty_warehouse_says_so(opened: Opened, empty: Path, page: str) -> None:
    test = opened(empty, page)
    assert not test.exception
    assert "The warehouse is empty" in texts(test)


def test_the_tiles_are_golds_numbers(opened: Opened, sample: Path) -> None:
    tiles = {tile.label: tile for tile in opened(sample).metric}
    [(month, commits, opened_issues, closed, still_open, merged)] = rows(
        sample,
        """
        select
            month_start_date, sum(commits), sum(issues_opened), sum(issues_closed),
            sum(open_issues_end), sum(prs_merged)
        from gold.agg_repository_month
        group by all having bool_and(is_complete_month) order by month_start_date desc limit 1
        """,
    )
    [(people,)] = rows(
        sample,
        f"""
        select count(distinct user_key) from gold.agg_user_month
        where is_human and contributions > 0 and month_start_date = '{month}'
        """,
    )
    shown = {label: int(tile.value.replace(",", "")) for label, tile in tiles.items()}
    assert shown == {
        "Commits": commits,
        "Contributors": people,
        "Issues opened": opened_issues,
        "Issues closed": closed,
        "Open issues": still_open,
        "PRs merged": merged,
    }
    [(usual,)] = rows(
        sample,
        f"""
        select median(commits) from (
            select sum(commits) as commits from gold.agg_repository_month
            where month_start_date < '{month}' group by month_start_date order by month_start_date desc limit 6
        )
        """,
    )
    assert tiles["Commits"].delta == f"{commits - usual:+,.0f} vs. usual {usual:,.0f}"


def test_the_url_chooses_and_strange_parts_are_ignored_with_a_word(opened: Opened, sample: Path) -> None:
    test = opened(
        sample, "activity", repos="brackwater/saltmap,no/such", period="12m", grain="week", bots="perhaps"
    )
    assert not test.exception
    assert test.multiselect(key="f_repos").value == ["brackwater/saltmap"]
    assert test.selectbox(key="f_period").value == "12m"
    assert sorted(toast.value.replace("\\", "") for toast in test.toast) == [
        "The address says bots=perhaps, which means nothing here; it is ignored.",
        "The address says repos=brackwater/saltmap,no/such, which means nothing here; it is ignored.",
    ]
    assert "Commits by week" in texts(test)
    assert dict(test.query_params) == {"repos": "brackwater/saltmap", "period": "12m", "grain": "week"}


def test_a_switch_changes_the_numbers_and_the_url(opened: Opened, sample: Path) -> None:
    test = opened(sample)
    before = test.metric[0].value
    test.toggle(key="f_merges").set_value(True).run()
    assert int(test.metric[0].value) > int(before)
    assert test.query_params["merges"] == "1"


def test_a_user_has_a_page(opened: Opened, sample: Path) -> None:
    [(login, commits)] = rows(
        sample, "select login, commits from gold.agg_user where login is not null order by commits desc limit 1"
    )
    test = opened(sample, "people", user=login.upper())
    assert not test.exception
    assert f"@{login}" in texts(test).replace("\\", "")
    assert test.metric[0].value == f"{commits:,}"
    assert "no user" in texts(opened(sample, "people", user="<b>nobody</b>"))


def test_hostile_titles_are_text(opened: Opened, sample: Path) -> None:
    """What looks like markup is shown in tables, which do not read markup, and stands in no Markdown."""
    test = opened(sample, "issues", period="all")
    titles = [str(title) for frame in test.dataframe if "title" in frame.value for title in frame.value["title"]]
    hostile = rows(sample, "select count(*) from gold.fct_issues where is_open and title like '%<script>%'")[0][0]
    assert sum("<script>" in title for title in titles) == hostile
    assert "<script>" not in texts(test)


def test_a_locked_file_and_a_new_one(opened: Opened, warehouse: Path, tmp_path: Path) -> None:
    strange = tmp_path / "strange.duckdb"
    with duckdb.connect(str(strange)) as connection:
        connection.execute(
            "create schema bronze; create table bronze.runs (n int); create table bronze.loads (n int)"
        )
    assert "made by another version" in texts(opened(strange))
    damaged = tmp_path / "damaged.duckdb"
    damaged.write_bytes(b"no database" * 1000)
    assert "can't be read" in texts(opened(damaged))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("select 1")
        locked = opened(warehouse)
        assert not locked.exception
        assert "held by another program" in texts(locked) or "can't be read" in texts(locked)


def test_a_publish_shows_at_the_next_run(opened: Opened, warehouse: Path, tmp_path: Path) -> None:
    test = opened(warehouse)
    before = int(test.metric[0].value)
    build = tmp_path / "build.duckdb"
    build.write_bytes(warehouse.read_bytes())
    with duckdb.connect(str(build)) as connection:
        connection.execute(
            "update gold.agg_repository_month set commits = commits * 2, commits_total = commits_total * 2"
        )
    build.replace(warehouse)
    assert int(test.run().metric[0].value) == before * 2


def test_about_and_rows_are_behind_each_chart(opened: Opened, sample: Path) -> None:
    test = opened(sample, "risk")
    pressed: Callable[[], AppTest] = test.button(key="rows_risk_pareto").click().run
    behind = pressed()
    assert not behind.exception
    assert any("running_share" in frame.value for frame in behind.dataframe)


@pytest.mark.parametrize("page", PAGES)
def test_a_link_leads_to_the_web_or_nowhere(opened: Opened, warehouse: Path, page: str) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update gold.dim_repository set html_url = ' javascript:alert(1)//'")
    frames = [element.value for element in opened(warehouse, page).dataframe]
    links = [str(link) for frame in frames if "link" in frame for link in frame["link"].dropna()]
    assert links == []
