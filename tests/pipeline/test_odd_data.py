"""What a server sends is never impossible: no payload makes a model, a constraint or a data test fail."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app import filters, queries
from app.numbers import issues, status
from hear_app import bronze, transform, verify, warehouse
from hear_app.settings import Settings
from tests.pipeline import odd_repositories
from tests.pipeline.odd_bronze import Bronze

SEED = 9
PROJECT = Settings().project_home
pytestmark = pytest.mark.timeout(300)  # where a machine is busy, dbt takes its time


@dataclass(frozen=True, slots=True)
class Built:
    """The same bronze, built load by load and at once."""

    step_by_step: Path
    at_once: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Over two thousand odd repositories in two loads, each followed by a build with all data tests."""
    build = tmp_path_factory.mktemp("odd") / "hear.duckdb"
    warehouse.start_build(build, build, afresh=True)
    for load in loads():
        with warehouse.writing(build) as connection:
            connection.execute(bronze.schema_sql())
            load.insert(connection)
        build_models(build)
    at_once = Path(shutil.copy(build, tmp_path_factory.mktemp("at-once") / build.name))
    build_models(at_once, full=True)
    return Built(build, at_once)


def build_models(file: Path, full: bool = False) -> None:
    """Raises TransformError, which names what failed. dbt can't use a parsed project for two builds."""
    with transform.Models(PROJECT, file) as models:
        models.build(full)


def loads() -> tuple[Bronze, Bronze]:
    dice, first, second = random.Random(SEED), Bronze(1), Bronze(2)
    for walk in (*odd_repositories.single_oddities(), *odd_repositories.mixtures(dice, 150)):
        first.add(walk)
        news = odd_repositories.later(dice, walk)
        if news is not None:
            second.add(news)
    for begun, gone_on in odd_repositories.stories():
        for load, walks in ((first, begun), (second, gone_on)):
            for walk in walks:
                load.add(walk)
    second.add(odd_repositories.without_keys())
    return first, second


def query(file: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(file, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_build_step_by_step_and_one_at_once_give_the_same_rows(built: Built) -> None:
    tables = "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ('silver', 'gold')"
    names = [name for (name,) in query(built.at_once, tables)]
    assert len(names) > 25
    with duckdb.connect(built.step_by_step, read_only=True) as connection:
        connection.execute(f"attach '{built.at_once}' as at_once (read_only)")
        for name in names:
            sides = f"(from {name}) as one", f"(from at_once.{name}) as other"
            for one, other in (sides, sides[::-1]):
                differing = connection.execute(f"select * from {one} except all select * from {other}").fetchall()
                assert differing == [], name


def test_no_landed_row_is_lost(built: Built) -> None:
    lost = query(
        built.step_by_step,
        """
        select source, repository_id, sha from bronze.commits where sha is not null
        except select source, repository_id, sha from silver.commits
        union all
        select source, repository_id, number::varchar from bronze.issues where number is not null
        except select source, repository_id, number::varchar from silver.work_items
        """,
    )
    assert lost == []
    missing = query(
        built.step_by_step,
        """
        select r.source, r.repository_id from silver.repositories as r
        left join gold.dim_repository as d using (source, repository_id)
        where
            d.repository_key is null
            or (select count(*) from silver.commits as c
                where c.source = r.source and c.repository_id = r.repository_id and c.is_on_default_branch)
            <> (select count(*) from gold.fct_commits as c where c.repository_key = d.repository_key)
            or (select count(*) from silver.work_items as w
                where w.source = r.source and w.repository_id = r.repository_id and not w.is_deleted)
            <> (select count(*) from gold.fct_issues as i where i.repository_key = d.repository_key)
            + (select count(*) from gold.fct_pull_requests as p where p.repository_key = d.repository_key)
        """,
    )
    assert missing == []


def test_a_row_without_its_key_is_told_by_the_proofs(built: Built, tmp_path: Path) -> None:
    few = Path(shutil.copy(built.step_by_step, tmp_path / "few.duckdb"))
    with duckdb.connect(few) as connection:
        connection.execute("delete from silver.repositories where repository_id not in (8, 30)")
        proofs = verify.prove(connection)
    told = {(proof.repository, proof.name): proof.holds for proof in proofs if "= silver" in proof.name}
    assert told == {
        ("acme/r8", "commits: bronze = silver"): True,
        ("acme/r8", "issues and pull requests: bronze = silver"): True,
        ("acme/r30", "commits: bronze = silver"): False,
        ("acme/r30", "issues and pull requests: bronze = silver"): False,
    }


def test_absurd_dates_make_no_more_days_than_gold_has_room_for(built: Built) -> None:
    days = "select min(year), max(year), count(*) from gold.dim_date where date_key > 0"
    assert query(built.step_by_step, days) == [(1990, 2100, 40_542)], "one server's clock stands at year 9999"
    months = "select max(n) from (select count(*) as n from gold.agg_repository_month group by repository_key)"
    ((most,),) = query(built.step_by_step, months)
    assert most <= 1_321  # those of 1990 to 2099, and the unknown one


def test_every_time_is_one_that_clients_can_read(built: Built) -> None:
    columns = query(
        built.step_by_step,
        "select schema_name || '.' || table_name, column_name from duckdb_columns() "
        "where schema_name in ('silver', 'gold') and data_type = 'TIMESTAMP'",
    )
    assert len(columns) > 20
    for table, column in columns:
        outside = f"from {table} where {column} not between '0001-01-01' and '9999-12-31 23:59:59.999999'"
        assert query(built.step_by_step, f"select {column}::varchar {outside}") == [], (table, column)


@pytest.mark.parametrize(
    ("repository_id", "months"),
    [
        pytest.param(4, [(202404, 1, 0, 1), (202405, 0, 1, 0), (202406, 0, 0, 0)], id="closed a second later"),
        pytest.param(5, [(202404, 1, 0, 1), (202405, 0, 0, 1), (202406, 0, 1, 0)], id="closed before merged"),
        pytest.param(
            6, [(-1, 0, 1, None), (202404, 2, 0, 1), (202405, 0, 1, 0), (202406, 0, 0, 0)], id="not closed"
        ),
    ],
)
def test_a_merge_ends_a_pull_request(
    built: Built, repository_id: int, months: list[tuple[int | None, ...]]
) -> None:
    found = query(
        built.step_by_step,
        "select m.month_key, m.prs_opened, m.prs_merged + m.prs_closed_unmerged, m.open_prs_end "
        "from gold.agg_repository_month as m inner join gold.dim_repository as r using (repository_key) "
        "where r.source = 'odd.example' and m.month_key not in (202402, 202403) "
        f"and r.repository_id = {repository_id} order by m.month_key",
    )
    assert found == months


def test_an_emptied_repository_has_no_commit_on_its_branch_until_one_is_pushed(built: Built) -> None:
    found = query(
        built.step_by_step,
        """
        select
            r.repository_id, count(c.sha), count(c.sha) filter (where c.is_on_default_branch),
            any_value(r.head_sha),
            (select count(*) from gold.fct_commits as f inner join gold.dim_repository as d using (repository_key)
                where d.source = r.source and d.repository_id = r.repository_id),
            bool_and(r.is_commit_history_complete)
        from silver.repositories as r
        inner join silver.commits as c using (source, repository_id)
        where r.source = 'odd.example' and r.repository_id in (1, 2)
        group by r.source, r.repository_id
        order by r.repository_id
        """,
    )
    assert found == [(1, 3, 0, None, 0, True), (2, 4, 4, odd_repositories.sha(2, 3), 4, True)]


@pytest.fixture
def dashboard(built: Built, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The dashboard's queries go to the odd warehouse."""
    monkeypatch.setenv("HEAR_WAREHOUSE", str(built.at_once))
    yield
    queries.close()


@pytest.mark.usefixtures("dashboard")
def test_the_dashboard_agrees_whatever_came() -> None:
    """Its proofs that no payload can break hold, and issues by day end where those by month do."""
    chosen = {**filters.DEFAULTS, "period": "all"}
    proofs = status.table(status.PROOFS).rows()
    assert {proof: broken for proof, _, broken in proofs if "parent" not in proof} == {
        "the head of each branch is stored": 0,
        "issues: open last month + opened - closed = open this month": 0,
        "commits by month add up to the facts": 0,
    }
    known = filters.repositories()
    assert all(repository.as_of for repository in known), "a page needs a day, also where no server told one"
    for name in ("acme/r4", "acme/r7", "acme/r31"):
        levels = [
            issues.series(filters.resolve({**chosen, "grain": grain, "repos": name}, known))["open_at_end"][-1]
            for grain in ("day", "week", "month")
        ]
        assert levels == [1, 1, 1], name


def test_a_converted_item_changes_its_kind(built: Built) -> None:
    kinds = "select number, is_pull_request from silver.work_items where repository_id = 3 order by number"
    assert query(built.step_by_step, kinds) == [(4, False), (5, True)]
