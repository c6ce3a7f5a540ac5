"""`hear status`: for each repository and stream how fresh it is, how many rows it has, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hear_app import bronze, ledger, warehouse
from hear_app.landing import Landing

_STREAMS = """
    with synced as (
        select source, repository_id, max(responded_at) as synced_at
        from bronze.loads where stream = 'syncs' group by all
    ),
    heads as (
        select source, repository_id, arg_max(head_sha, walk_id) as head_sha
        from bronze.loads where stream = 'commits' and role = 'closed' group by all
    ),
    counted as (
        select
            source, repository_id, 'commits' as stream,
            count(*) filter (where is_on_default_branch) as row_count
        from silver.commits group by all
        union all
        select source, repository_id, 'issues', count(*) filter (where not is_deleted)
        from silver.work_items group by all
    ),
    changed as (
        select source, repository_id, max(updated_at) as watermark from silver.work_items group by all
    )
    select
        r.source, r.full_name, streams.stream, coalesce(c.row_count, 0), s.synced_at,
        if(streams.stream = 'commits', h.head_sha, strftime(w.watermark, '%Y-%m-%dT%H:%M:%SZ'))
    from silver.repositories as r
    cross join (values ('commits'), ('issues')) as streams (stream)
    left join counted as c
        on r.source = c.source and r.repository_id = c.repository_id and streams.stream = c.stream
    left join synced as s on r.source = s.source and r.repository_id = s.repository_id
    left join heads as h on r.source = h.source and r.repository_id = h.repository_id
    left join changed as w on r.source = w.source and r.repository_id = w.repository_id
    order by r.source, r.full_name, streams.stream
"""


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One stream: `cursor` is the head SHA of commits or the newest `updated_at` of issues."""

    source: str
    repository: str
    stream: str
    rows: int
    synced_at: str | None
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """The published file, and how many landed objects wait to be loaded into it."""

    warehouse: str
    published_bytes: int
    built_at: str
    waiting: int
    streams: list[StreamStatus]


def read(path: Path, landing: Landing) -> Status:
    """What a published file says of itself. Raises WarehouseError where there is none."""
    with warehouse.reading(path) as connection:
        bronze.check_version(connection)
        streams = [StreamStatus(*_texts(row)) for row in connection.execute(_STREAMS).fetchall()]
        built_at = connection.execute("select max(_loaded_at) from bronze.runs").fetchall()[0][0]
        sources = sorted({stream.source for stream in streams})
        waiting = len(ledger.pending(landing, sources, ledger.known_objects(connection)).objects)
    return Status(str(path.resolve()), path.stat().st_size, f"{built_at:%Y-%m-%dT%H:%M:%SZ}", waiting, streams)


def _texts(row: tuple[object, ...]) -> tuple[str, str, str, int, str | None, str | None]:
    source, name, stream, rows, synced_at, cursor = row
    when = f"{synced_at:%Y-%m-%dT%H:%M:%SZ}" if synced_at is not None else None
    return str(source), str(name), str(stream), int(str(rows)), when, str(cursor) if cursor else None
