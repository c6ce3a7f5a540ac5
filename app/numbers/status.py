"""The state of the file itself. The one module that reads beyond gold, since it tells about the layers below."""

from __future__ import annotations

import duckdb
import polars as pl

from app.queries import ask

STREAMS = """
    with ends as (
        select source, repository_id, stream, max(responded_at) as synced_at
        from bronze.loads where role = 'closed' group by all
    )
    select
        r.full_name as repository,
        max(e.synced_at) filter (where e.stream = 'syncs') as synced_at,
        r.first_commit_at, r.last_commit_at, r.first_issue_at, r.last_issue_at,
        r.is_commit_history_complete as commits_complete, r.is_issue_history_complete as issues_complete,
        r.html_url as link
    from gold.dim_repository as r
    left join ends as e on r.source = e.source and r.repository_id = e.repository_id
    group by all order by repository
"""
LAYERS = """
    with layers as (
        select source, repository_id, 'commits' as what, count(*) as bronze from bronze.commits group by all
        union all
        select source, repository_id, 'issues and pull requests', count(*) from bronze.issues group by all
    ),
    silver as (
        select source, repository_id, 'commits' as what, count(*) as silver,
            count(*) filter (where is_on_default_branch) as expected
        from silver.commits group by all
        union all
        select source, repository_id, 'issues and pull requests', count(*), count(*) filter (where not is_deleted)
        from silver.work_items group by all
    ),
    gold as (
        select repository_key, 'commits' as what, count(*) as gold from gold.fct_commits group by all
        union all
        select repository_key, 'issues and pull requests', count(*)
        from (
            select repository_key from gold.fct_issues
            union all
            select repository_key from gold.fct_pull_requests
        )
        group by all
    )
    select
        r.full_name as repository, l.what, l.bronze, coalesce(s.silver, 0) as silver,
        coalesce(s.silver, 0) - coalesce(s.expected, 0) as set_aside,
        coalesce(g.gold, 0) as gold,
        coalesce(s.expected, 0) = coalesce(g.gold, 0) as agrees
    from layers as l
    inner join gold.dim_repository as r using (source, repository_id)
    left join silver as s using (source, repository_id, what)
    left join gold as g on r.repository_key = g.repository_key and l.what = g.what
    order by r.full_name, l.what
"""
# The same two questions of ancestry that `hear verify` asks, as far as the file alone can answer them.
PROOFS = """
    select
        'every parent of a commit is stored' as proof, count(*) as checked,
        count(*) filter (where c.sha is null) as broken
    from silver.commits as child
    inner join silver.commit_parents as p using (source, repository_id, sha)
    left join silver.commits as c
        on p.source = c.source and p.repository_id = c.repository_id and p.parent_sha = c.sha
        and (c.is_on_default_branch or not child.is_on_default_branch)
    union all
    select
        'the head of each branch is stored', count(h.head_sha), count(h.head_sha) filter (where c.sha is null)
    from (
        -- An emptied branch has no head, which counts.
        select source, repository_id, arg_max_null(head_sha, walk_id) as head_sha
        from bronze.loads where stream = 'commits' and role = 'closed' group by all
    ) as h
    left join silver.commits as c
        on h.source = c.source and h.repository_id = c.repository_id and h.head_sha = c.sha
        and c.is_on_default_branch
    union all
    select
        'issues: open last month + opened - closed = open this month', count(*),
        count(*) filter (where before + issues_opened - issues_closed <> open_issues_end)
    from (
        select
            *, lag(open_issues_end) over (partition by repository_key order by month_key) as before
        from gold.agg_repository_month where month_key > 0
    )
    where before is not null and repository_key not in (
        -- An issue that closed before it opened, or of which a date is absurd, is in no month's level.
        select repository_key from gold.fct_issues
        where opened_month_key = -1 or closed_month_key = -1 or closed_month_key between 1 and opened_month_key - 1
    )
    union all
    select
        'commits by month add up to the facts', count(*), count(*) filter (where months <> facts)
    from (
        select
            r.repository_key,
            (select coalesce(sum(commits_total), 0) from gold.agg_repository_month as m
             where m.repository_key = r.repository_key) as months,
            (select count(*) from gold.fct_commits as c where c.repository_key = r.repository_key) as facts
        from gold.dim_repository as r
    )
"""
TABLES = """
    select schema_name as layer, table_name as name, estimated_size as rows, comment as description
    from duckdb_tables()
    where schema_name in ('bronze', 'silver', 'gold') and database_name = current_database()
    order by case schema_name when 'bronze' then 1 when 'silver' then 2 else 3 end, table_name
"""
RUNS = """
    select _run_id as run, _loaded_at as loaded_at, responses_loaded, rows_loaded, hear_version
    from bronze.runs order by _run_id desc limit 50
"""
SUGGESTIONS = """
    select shared_name, identity, sightings, suggested_identity, suggested_sightings, people_csv_line
    from silver.identity_merge_suggestions order by sightings desc, identity limit 500
"""
STRANGE_DATES = """
    select r.full_name as repository, c.date_quality, count(*) as commits
    from gold.fct_commits as c inner join gold.dim_repository as r using (repository_key)
    where c.date_quality <> 'ok' group by all order by commits desc
"""
# Whoever did more than thirty things on one day and is not known as a machine.
POSSIBLE_BOTS = """
    with days as (
        select author_user_key as user_key, opened_at::date as day from gold.fct_issues where opened_date_key > 0
        union all
        select author_user_key, opened_at::date from gold.fct_pull_requests where opened_date_key > 0
        union all
        select author_user_key, committed_at::date from gold.fct_commits
        where committed_date_key > 0 and not is_merge_commit
    ),
    busiest as (
        select user_key, max(events) as most_in_a_day, arg_max(day, events) as on_day
        from (select user_key, day, count(*) as events from days group by all) group by user_key
    )
    select
        coalesce(u.login, u.display_name) as person, u.display_name as name, b.most_in_a_day, b.on_day,
        u.login || ',bot,' as people_csv_line
    from busiest as b inner join gold.dim_user as u using (user_key)
    where u.is_human and (
        b.most_in_a_day > 30
        or regexp_matches(lower(coalesce(u.login, '') || ' ' || coalesce(u.display_name, '')),
            '(^|[^a-z])(bot|robot|ci|automation|renovate|dependabot)([^a-z]|$)')
    )
    order by b.most_in_a_day desc, person limit 200
"""


def table(sql: str) -> pl.DataFrame:
    """The rows of one of this module's queries; empty where an older file lacks what it asks for."""
    try:
        return ask(sql)
    except (duckdb.CatalogException, duckdb.BinderException):
        return pl.DataFrame()
