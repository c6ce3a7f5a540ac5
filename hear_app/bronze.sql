-- The bronze schema: what has landed, as it came. Written by hear_app/bronze.py alone; dbt only reads it.
create schema if not exists bronze;

create table if not exists bronze.loads (
    source varchar not null,
    repository_id bigint not null,
    stream varchar not null,
    walk_id integer not null,
    position integer not null,
    role varchar not null,
    walk_kind varchar,
    outcome varchar,
    branch varchar,
    head_sha varchar,
    request varchar not null,
    status integer,
    responded_at timestamp,
    row_count integer not null,
    raw_bytes bigint not null,
    object_path varchar not null,
    object_bytes bigint not null,
    digest varchar,
    _run_id integer not null,
    _loaded_at timestamp not null,
    primary key (source, repository_id, stream, walk_id, role, position)
);

create table if not exists bronze.repositories (
    source varchar not null,
    repository_id bigint not null,
    walk_id integer not null,
    position integer not null,
    row_index integer not null,
    payload json using compression zstd,
    payload_was_repaired boolean not null,
    _run_id integer not null,
    _loaded_at timestamp not null
);

create table if not exists bronze.commits (
    source varchar not null,
    repository_id bigint not null,
    walk_id integer not null,
    position integer not null,
    row_index integer not null,
    is_removal boolean not null,
    sha varchar,
    payload json using compression zstd,
    payload_was_repaired boolean not null,
    _run_id integer not null,
    _loaded_at timestamp not null
);

create table if not exists bronze.issues (
    source varchar not null,
    repository_id bigint not null,
    walk_id integer not null,
    position integer not null,
    row_index integer not null,
    number bigint,
    payload json using compression zstd,
    payload_was_repaired boolean not null,
    _run_id integer not null,
    _loaded_at timestamp not null
);

create table if not exists bronze.people (
    identity varchar not null,
    action varchar not null,
    value varchar,
    _run_id integer not null,
    _loaded_at timestamp not null
);

create table if not exists bronze.runs (
    _run_id integer primary key,
    hear_version varchar not null,
    bronze_digest varchar not null,
    models_digest varchar not null,
    people_digest varchar not null,
    responses_loaded integer not null,
    rows_loaded bigint not null,
    _loaded_at timestamp not null
);

comment on table bronze.loads is 'Grain: one landed response. The ledger: a response that stands here is never loaded again.';
comment on column bronze.loads.source is 'The API the row came from: its host, or sample';
comment on column bronze.loads.repository_id is 'The numeric id of the repository; survives renames';
comment on column bronze.loads.stream is 'repository, commits, issues or syncs';
comment on column bronze.loads.walk_id is 'Running number of the walk in its stream';
comment on column bronze.loads.position is 'Place of the response in its walk: the rows asked for before it';
comment on column bronze.loads.role is 'page, removed (commits that left the branch), closed (the closing record of a walk); merged: a damaged merged object; double: a damaged one of which a merged one holds the same';
comment on column bronze.loads.walk_kind is 'history or compare for commits, full or updated for issues, full for a sync that read everything again';
comment on column bronze.loads.outcome is 'Of a closing record: ok, empty or issues disabled; damaged: an object that gave no rows, and that a later walk replaced';
comment on column bronze.loads.branch is 'Of a commit walk: the default branch that was read';
comment on column bronze.loads.head_sha is 'Of a commit walk: the head it was pinned to';
comment on column bronze.loads.request is 'Path and query of the request';
comment on column bronze.loads.status is 'HTTP status of the response';
comment on column bronze.loads.responded_at is 'The Date header of the response, UTC';
comment on column bronze.loads.row_count is 'Rows in the response';
comment on column bronze.loads.raw_bytes is 'Bytes of the response body, uncompressed';
comment on column bronze.loads.object_path is 'The landed object, below the landing root';
comment on column bronze.loads.object_bytes is 'Its size: the same path with another size is another landing zone';
comment on column bronze.loads.digest is 'Of the envelope and the body as they landed (128 bits of SHA-256): a byte that changes later is found by it';
comment on table bronze.repositories is 'Grain: one repository response, every version kept';
comment on table bronze.commits is 'Grain: one commit of one response, every landing kept';
comment on column bronze.commits.is_removal is 'Whether the row says that the commit left the branch';
comment on column bronze.commits.sha is 'The natural key, out of the payload: the proofs compare it with silver';
comment on table bronze.issues is 'Grain: one issue or pull request of one response, every version kept';
comment on column bronze.issues.number is 'The natural key, out of the payload: the proofs compare it with silver';
comment on table bronze.people is 'Grain: one line of people.csv, the identity rules the user owns';
comment on table bronze.runs is 'Grain: one run that loaded or built: with which version and models this file was made';
