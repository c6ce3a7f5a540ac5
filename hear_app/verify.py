"""The proofs: what is stored is whole, and the layers agree. Each names the rows that break it."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from hear_app import bronze
from hear_app.landing import Landing

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Proof:
    """One proof for one repository: `checked` things looked at, `broken` those that fail, some of them named."""

    repository: str
    name: str
    checked: int
    broken: int
    examples: tuple[str, ...]
    heal: str

    @property
    def holds(self) -> bool:
        return self.broken == 0


# Each query gives, for each repository: full name, things checked, things broken, and examples of the broken.
_PARENTS = """
    select r.full_name, count(*), count(*) filter (where c.sha is null),
        list(p.sha || ' lacks its parent ' || p.parent_sha) filter (where c.sha is null)
    from silver.repositories as r
    inner join silver.commits as child using (source, repository_id)
    inner join silver.commit_parents as p using (source, repository_id, sha)
    left join silver.commits as c
        on p.source = c.source and p.repository_id = c.repository_id and p.parent_sha = c.sha
        and (c.is_on_default_branch or not child.is_on_default_branch)
    group by r.full_name
"""
_HEADS = """
    with heads as (
        select source, repository_id, arg_max(head_sha, walk_id) as head_sha
        from bronze.loads where stream = 'commits' and role = 'closed' group by all
    )
    select r.full_name, count(h.head_sha), count(h.head_sha) filter (where c.sha is null),
        list('head ' || h.head_sha) filter (where c.sha is null and h.head_sha is not null)
    from silver.repositories as r
    inner join heads as h using (source, repository_id)
    left join silver.commits as c
        on h.source = c.source and h.repository_id = c.repository_id and h.head_sha = c.sha
        and c.is_on_default_branch
    group by r.full_name
"""
_COMMITS = """
    with landed as (select distinct source, repository_id, sha from bronze.commits)
    select r.full_name, count(*), count(*) filter (where b.sha is null or s.sha is null),
        list(coalesce(b.sha, s.sha)) filter (where b.sha is null or s.sha is null)
    from landed as b
    full join silver.commits as s using (source, repository_id, sha)
    inner join silver.repositories as r using (source, repository_id)
    group by r.full_name
"""
_ISSUES = """
    with landed as (
        select distinct source, repository_id, number from bronze.issues
    )
    select r.full_name, count(*), count(*) filter (where b.number is null or s.number is null),
        list('#' || coalesce(b.number, s.number)) filter (where b.number is null or s.number is null)
    from landed as b
    full join silver.work_items as s using (source, repository_id, number)
    inner join silver.repositories as r using (source, repository_id)
    group by r.full_name
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
    group by r.full_name
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
_PROOFS = (
    ("every row of a walk has landed", _WALKS, "hear sync --full {}"),
    ("every parent of a commit is stored", _PARENTS, "hear sync --full {}"),
    ("the head of the branch is stored", _HEADS, "hear sync --full {}"),
    ("commits: bronze = silver", _COMMITS, "hear build --full"),
    ("issues and pull requests: bronze = silver", _ISSUES, "hear build --full"),
)


def prove(connection: duckdb.DuckDBPyConnection, landing: Landing) -> list[Proof]:
    """All proofs over an opened warehouse file and its landing zone.

    Raises WarehouseError where another version of hear_app made the file.
    """
    bronze.check_version(connection)
    proofs = [
        Proof(name, title, checked, broken, tuple((examples or ())[:_SHOWN]), heal.format(name))
        for title, query, heal in _PROOFS
        for name, checked, broken, examples in connection.execute(query).fetchall()
    ]
    return sorted(proofs + _landed_objects(connection, landing), key=lambda proof: proof.repository)


def _landed_objects(connection: duckdb.DuckDBPyConnection, landing: Landing) -> list[Proof]:
    """Landing and ledger name the same objects."""
    names: dict[tuple[str, int], str] = {
        (source, key): name
        for source, key, name in connection.execute(
            "select source, repository_id, full_name from silver.repositories"
        ).fetchall()
    }
    ledger = bronze.known_objects(connection)
    known = set(ledger)
    sources = sorted({source for source, _ in names})
    pending = bronze.pending(landing, sources, ledger)
    waiting = {found.path for found in pending.objects}
    proofs = []
    for (source, key), name in names.items():
        gone, unloaded = (_below(f"{source}/{key}/", paths) for paths in (known - pending.landed, waiting))
        examples = [f"{path} is gone" for path in gone] + [f"{path} is not loaded" for path in unloaded]
        heal = f"hear sync --full {name}" if gone else "hear build"
        title = "every landed object is there and loaded"
        checked = len(_below(f"{source}/{key}/", known))
        proofs.append(Proof(name, title, checked, len(examples), tuple(examples[:_SHOWN]), heal))
    return proofs


def _below(prefix: str, paths: set[str]) -> list[str]:
    return sorted(path for path in paths if path.startswith(prefix))


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
    return [
        f"{proof.repository}: not so that {proof.name}: {proof.broken:,} of {proof.checked:,}, such as "
        f"{', '.join(proof.examples)}. `{proof.heal}` heals it."
        for proof in proofs
        if not proof.holds
    ]
