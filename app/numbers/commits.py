"""Commits over time, by weekday and hour, and by kind."""

from __future__ import annotations

import polars as pl

from app.filters import Filters
from app.queries import ask, ask_row

# Months come from the aggregate that documents them; days and weeks are counted from the facts in the same way.
_MONTHS = """
    select
        month_start_date as period,
        bool_and(is_complete_month) as is_complete,
        sum(commits)::bigint as people,
        sum(commits_bot)::bigint as bots,
        sum(commits_ai_agent)::bigint as agents,
        sum(commits_unattributed)::bigint as others,
        sum(merge_commits)::bigint as merges
    from gold.agg_repository_month
    where list_contains($repos, repository_key) and month_start_date >= $since and month_start_date < $until
    group by all
"""
_DAYS = """
    with counted as (
        select
            date_trunc($grain, d.date_day)::date as period,
            count(*) filter (where not c.is_merge_commit and u.actor_type = 'human') as people,
            count(*) filter (where not c.is_merge_commit and u.actor_type = 'bot') as bots,
            count(*) filter (where not c.is_merge_commit and u.actor_type = 'ai_agent') as agents,
            count(*) filter (where not c.is_merge_commit and u.actor_type not in ('human', 'bot', 'ai_agent'))
                as others,
            count(*) filter (where c.is_merge_commit) as merges
        from gold.fct_commits as c
        inner join gold.dim_date as d on c.committed_date_key = d.date_key
        inner join gold.dim_user as u on c.author_user_key = u.user_key
        where list_contains($repos, c.repository_key) and d.date_day >= $since and d.date_day < $until
        group by 1
    ),
    spine as (
        select unnest(generate_series(
            (select min(period) from counted)::timestamp, $as_of::timestamp,
            case $grain when 'week' then interval 7 days else interval 1 day end
        ))::date as period
    )
    select
        period,
        period + case $grain when 'week' then 7 else 1 end <= $as_of as is_complete,
        coalesce(people, 0) as people, coalesce(bots, 0) as bots, coalesce(agents, 0) as agents,
        coalesce(others, 0) as others, coalesce(merges, 0) as merges
    from spine left join counted using (period)
    where period < $until
"""
KINDS = {
    "people": "People",
    "bots": "Bots",
    "agents": "AI agents",
    "others": "Deleted or unknown",
    "merges": "Merges",
}


def series(chosen: Filters) -> pl.DataFrame:
    """period, is_complete, kind, commits: what the filters count, one row for each kind that occurs."""
    wide = ask(_MONTHS if chosen.grain == "month" else _DAYS, chosen.params)
    kept = [
        "people",
        *(["bots", "agents", "others"] if chosen.bots else []),
        *(["merges"] if chosen.merges else []),
    ]
    kept = [kind for kind in kept if kind == "people" or (wide.height and wide[kind].sum())]
    long = wide.unpivot(kept, index=["period", "is_complete"], variable_name="kind", value_name="commits")
    return long.with_columns(pl.col("kind").replace_strict(KINDS, return_dtype=pl.String)).sort("period", "kind")


def by_hour(chosen: Filters) -> pl.DataFrame:
    """day_of_week (1 Monday), hour, commits: when commits were authored, UTC, merges not counted."""
    return ask(
        """
        select isodow(c.authored_at) as day_of_week, hour(c.authored_at) as hour, count(*) as commits
        from gold.fct_commits as c
        inner join gold.dim_user as u on c.author_user_key = u.user_key
        where list_contains($repos, c.repository_key)
            and c.authored_date_key > 0 and c.authored_at >= $since and c.authored_at < $until
            and ($merges or not c.is_merge_commit) and (u.is_human or $bots)
        group by all
        order by all
        """,
        chosen.params,
    )


def by_type(chosen: Filters) -> pl.DataFrame:
    """commit_type, commits, share: what the subjects say that the commits are."""
    return ask(
        """
        select c.commit_type, count(*) as commits, count(*) / sum(count(*)) over () as share
        from gold.fct_commits as c
        inner join gold.dim_user as u on c.author_user_key = u.user_key
        inner join gold.dim_date as d on c.committed_date_key = d.date_key
        where list_contains($repos, c.repository_key) and d.date_day >= $since and d.date_day < $until
            and not c.is_merge_commit and (u.is_human or $bots)
        group by c.commit_type
        order by commits desc, c.commit_type
        """,
        chosen.params,
    )


def active_days(chosen: Filters) -> pl.DataFrame:
    """period, is_complete, active_days, authors: UTC days with a commit, and who authored one."""
    return ask(
        """
        with months as (
            select month_start_date as period, bool_and(is_complete_month) as is_complete
            from gold.agg_repository_month
            where list_contains($repos, repository_key)
                and month_start_date >= $since and month_start_date < $until
            group by all
        ),
        counted as (
            select
                d.month_start_date as period,
                count(distinct d.date_key) as active_days,
                count(distinct c.author_user_key) as authors
            from gold.fct_commits as c
            inner join gold.dim_user as u on c.author_user_key = u.user_key
            inner join gold.dim_date as d on c.committed_date_key = d.date_key
            where list_contains($repos, c.repository_key) and not c.is_merge_commit and (u.is_human or $bots)
                and d.date_day >= $since and d.date_day < $until
            group by all
        )
        select period, is_complete, coalesce(active_days, 0) as active_days, coalesce(authors, 0) as authors
        from months left join counted using (period)
        order by period
        """,
        chosen.params,
    )


def authors(chosen: Filters) -> int:
    """Distinct authors of commits in the period, merges not counted."""
    row = ask_row(
        """
        select count(distinct a.user_key) as n
        from gold.agg_user_month as a inner join gold.dim_user as u using (user_key)
        where list_contains($repos, a.repository_key) and a.commits > 0 and (u.is_human or $bots)
            and a.month_start_date >= $since and a.month_start_date < $until
        """,
        chosen.params,
    )
    return int(row["n"])


def style(chosen: Filters) -> pl.DataFrame:
    """repository, commits, merge_share, web_share: how a repository merges decides what a commit counts for."""
    return ask(
        """
        select
            r.full_name as repository, count(*) as commits,
            avg(c.is_merge_commit::int) as merge_share,
            avg((c.is_web_flow and not c.is_merge_commit)::int) as web_share
        from gold.fct_commits as c
        inner join gold.dim_repository as r using (repository_key)
        inner join gold.dim_date as d on c.committed_date_key = d.date_key
        where list_contains($repos, c.repository_key) and d.date_day >= $since and d.date_day < $until
        group by all
        order by commits desc
        """,
        chosen.params,
    )


def rows(chosen: Filters) -> pl.DataFrame:
    """The commits behind the charts, newest first, with links."""
    return ask(
        """
        select
            c.committed_at, r.full_name as repository, c.subject,
            coalesce(u.login, u.display_name) as author, u.actor_type, c.is_merge_commit,
            r.html_url || '/commit/' || c.commit_sha as link
        from gold.fct_commits as c
        inner join gold.dim_repository as r using (repository_key)
        inner join gold.dim_user as u on c.author_user_key = u.user_key
        inner join gold.dim_date as d on c.committed_date_key = d.date_key
        where list_contains($repos, c.repository_key) and d.date_day >= $since and d.date_day < $until
            and ($merges or not c.is_merge_commit) and (u.is_human or $bots or c.is_merge_commit)
        order by c.committed_at desc, c.commit_sha
        limit 1000
        """,
        chosen.params,
    )
