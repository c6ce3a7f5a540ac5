"""The proofs: what is stored is whole, and the layers agree. Each names the rows that break it."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from hear_app import bronze
from hear_app.landing import RepositoryKey
from hear_app.settings import SAMPLE_SOURCE

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Proof:
    """One proof for one repository: `checked` things looked at, `broken` those that fail, some of them named."""

    key: RepositoryKey
    repository: str
    name: str
    checked: int
    broken: int
    examples: tuple[str, ...]
    heal: str

    @property
    def holds(self) -> bool:
        return self.broken == 0

    def told(self) -> str:
        """What a failing one says, with the command that heals it."""
        examples = ", ".join(example.rstrip(".") for example in self.examples)
        return f"not so that {self.name}: {self.broken:,} of {self.checked:,}, such as {examples}. {self.heal}"


# Each query gives, for each repository: its key and full name, things checked, things broken, and some of those.
# Commits that left the branch before the last whole walk no longer count: what a damaged page took with it then,
# the server may have no more, and nothing could heal that.
_PARENTS = """
    with whole as (
        select source, repository_id, max(walk_id) as walk_id
        from bronze.loads where stream = 'commits' and role = 'closed' and walk_kind = 'history' group by all
    ),
    before as (
        select distinct source, repository_id, b.sha, w.walk_id
        from bronze.commits as b inner join whole as w using (source, repository_id)
        where b.walk_id < w.walk_id
    ),
    outdated as (
        select b.source, b.repository_id, b.sha
        from before as b
        left join bronze.commits as later
            on b.source = later.source and b.repository_id = later.repository_id and b.sha = later.sha
            and later.walk_id >= b.walk_id
        where later.sha is null
    )
    select
        r.source, r.repository_id, r.full_name,
        count(*), count(*) filter (where c.sha is null),
        list(p.sha || ' lacks its parent ' || p.parent_sha) filter (where c.sha is null)
    from silver.repositories as r
    inner join silver.commits as child using (source, repository_id)
    inner join silver.commit_parents as p using (source, repository_id, sha)
    left join outdated as o using (source, repository_id, sha)
    left join silver.commits as c
        on p.source = c.source and p.repository_id = c.repository_id and p.parent_sha = c.sha
        and (c.is_on_default_branch or not child.is_on_default_branch)
    where child.is_on_default_branch or o.sha is null
    group by all
"""
_HEADS = """
    with newest as (
        select source, repository_id, max(walk_id) as walk_id
        from bronze.loads where stream = 'commits' and role = 'closed' group by all
    ),
    heads as (
        select source, repository_id, head_sha  -- null where the repository has become empty
        from bronze.loads inner join newest using (source, repository_id, walk_id)
        where stream = 'commits' and role = 'closed'
    )
    select
        r.source, r.repository_id, r.full_name,
        count(h.head_sha), count(h.head_sha) filter (where c.sha is null),
        list('head ' || h.head_sha) filter (where c.sha is null and h.head_sha is not null)
    from silver.repositories as r
    inner join heads as h using (source, repository_id)
    left join silver.commits as c
        on h.source = c.source and h.repository_id = c.repository_id and h.head_sha = c.sha
        and c.is_on_default_branch
    group by all
"""
_COMMITS = """
    with landed as (select distinct source, repository_id, sha from bronze.commits)
    select
        r.source, r.repository_id, r.full_name,
        count(*), count(*) filter (where b.sha is null or s.sha is null),
        list(coalesce(b.sha, s.sha)) filter (where b.sha is null or s.sha is null)
    from landed as b
    full join silver.commits as s using (source, repository_id, sha)
    inner join silver.repositories as r using (source, repository_id)
    group by all
"""
_ISSUES = """
    with landed as (
        select distinct source, repository_id, number from bronze.issues
    )
    select
        r.source, r.repository_id, r.full_name,
        count(*), count(*) filter (where b.number is null or s.number is null),
        list('#' || coalesce(b.number, s.number)) filter (where b.number is null or s.number is null)
    from landed as b
    full join silver.work_items as s using (source, repository_id, number)
    inner join silver.repositories as r using (source, repository_id)
    group by all
"""
# Walks before the last whole one no longer count: that is how reading all again heals.
_WALKS = """
    with closed as (
        select source, repository_id, stream, walk_id, walk_kind, position
        from bronze.loads where role = 'closed' and stream in ('commits', 'issues')
    ),
    whole as (
        select source, repository_id, stream, max(walk_id) as walk_id
        from closed where walk_kind in ('history', 'full') group by all
    ),
    counted as (
        select source, repository_id, stream, walk_id, sum(row_count) as row_count
        from bronze.loads where role <> 'closed' group by all
    )
    select
        r.source,
        r.repository_id,
        r.full_name,
        count(*),
        count(*) filter (where w.walk_id is null or coalesce(n.row_count, 0) <> c.position),
        list(concat(c.stream, ' walk ', c.walk_id, ' has ', coalesce(n.row_count, 0), ' of ', c.position, ' rows'))
            filter (where w.walk_id is null or coalesce(n.row_count, 0) <> c.position)
    from closed as c
    left join whole as w using (source, repository_id, stream)
    inner join silver.repositories as r using (source, repository_id)
    left join counted as n
        on c.source = n.source and c.repository_id = n.repository_id and c.stream = n.stream
        and c.walk_id = n.walk_id
    where w.walk_id is null or c.walk_id >= w.walk_id
    group by all
"""
_TOTALS = """
    with latest as (
        select
            source, repository_id,
            try_cast(arg_max(payload ->> '$.open_issues_count', walk_id) as bigint) as open_count
        from bronze.repositories group by all
    )
    select r.full_name, l.open_count, count(w.number) filter (where w.state = 'open' and not w.is_deleted)
    from silver.repositories as r
    inner join latest as l using (source, repository_id)
    left join silver.work_items as w using (source, repository_id)
    where l.open_count is not null
    group by all
    order by r.full_name
"""


def read_again(source: str, name: str) -> str:
    """The remedy for a repository of which something is missing or damaged: what has come since counts alone."""
    which = "--sample" if source == SAMPLE_SOURCE else name
    return f"`hear sync --full {which}`, and then `hear build`, heal it."


def build_again(_source: str, _name: str) -> str:
    """The remedy where the layers of the file differ."""
    return "`hear build --full` heals it."


_PROOFS = (
    ("every row of a walk has landed", _WALKS, read_again),
    ("every parent of a commit is stored", _PARENTS, read_again),
    ("the head of the branch is stored", _HEADS, read_again),
    ("commits: bronze = silver", _COMMITS, build_again),
    ("issues and pull requests: bronze = silver", _ISSUES, build_again),
)


def prove(connection: duckdb.DuckDBPyConnection) -> list[Proof]:
    """All proofs over an opened warehouse file.

    Raises WarehouseError where another version of hear_app made the file.
    """
    bronze.check_version(connection)
    return [
        Proof((source, key), name, title, checked, broken, tuple((examples or ())[:_SHOWN]), heal(source, name))
        for title, query, heal in _PROOFS
        for source, key, name, checked, broken, examples in connection.execute(query).fetchall()
    ]


@dataclass(frozen=True, slots=True)
class Total:
    """What the server counts of a repository, beside what is stored: it moves between two requests."""

    repository: str
    name: str
    server: int
    stored: int


def totals(connection: duckdb.DuckDBPyConnection) -> list[Total]:
    """The server's own totals, where it tells them. A difference in these alone is no failure."""
    name = "open issues and pull requests"
    return [Total(full_name, name, *counts) for full_name, *counts in connection.execute(_TOTALS).fetchall()]


_LOST = """
    select 'commits', count(*) from published.silver.commits as old
    anti join silver.commits as new using (source, repository_id, sha)
    union all
    select 'issues and pull requests', count(*) from published.silver.work_items as old
    anti join silver.work_items as new using (source, repository_id, number)
"""


def lost_rows(connection: duckdb.DuckDBPyConnection, published: str) -> list[str]:
    """What a published file has and this build lacks, as texts to say: a damaged landing zone gives less.

    A file whose silver tables are too old to compare counts as having nothing.
    """
    location = published.replace("'", "''")
    try:
        connection.execute(f"attach '{location}' as published (read_only)")
        counted = connection.execute(_LOST).fetchall()
    except (duckdb.BinderException, duckdb.CatalogException):
        return []
    return [f"{count:,} {what}" for what, count in counted if count]


def failures(proofs: list[Proof]) -> list[str]:
    """A line for each proof that fails, with the command that heals it."""
    return [f"{proof.repository}: {proof.told()}" for proof in proofs if not proof.holds]
