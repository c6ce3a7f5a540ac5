"""People: who is active, new, back or gone; who stays; and one of them.

Whoever is active in three months is one person, so nothing here adds up months: people are always counted afresh,
as distinct users of agg_user_month.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from app.filters import Filters
from app.queries import ask, ask_row

_ACTIVE = """
    with active as (
        select a.user_key, a.repository_key, a.month_start_date, m.month_index, a.contributions
        from gold.agg_user_month as a
        inner join gold.dim_month as m using (month_key)
        inner join gold.dim_user as u on a.user_key = u.user_key
        where list_contains($repos, a.repository_key) and a.contributions > 0 and a.month_key > 0
            and (u.is_human or $bots and u.actor_type in ('bot', 'ai_agent'))
    )
"""


def series(chosen: Filters) -> pl.DataFrame:
    """period, is_complete, status, people. Everybody is once in a month: new, returning, or came back.

    "New" is somebody's first month in the chosen repositories.
    """
    return ask(
        (
            _ACTIVE,
            """
        , user_months as (
            select distinct user_key, month_start_date, month_index from active
        ),
        placed as (
            select
                *,
                lag(month_index) over (partition by user_key order by month_index) as previous_index
            from user_months
        ),
        months as (
            select month_start_date, bool_and(is_complete_month) as is_complete
            from gold.agg_repository_month where list_contains($repos, repository_key) group by all
        )
        select
            month_start_date as period, is_complete,
            case when previous_index is null then 'New'
                when month_index - previous_index <= 6 then 'Returning' else 'Came back' end as status,
            count(*) as people
        from placed inner join months using (month_start_date)
        where month_start_date >= $since and month_start_date < $until
        group by all
        order by all
        """,
        ),
        chosen.params,
    )


def cohorts(chosen: Filters) -> pl.DataFrame:
    """cohort (quarter of the first contribution), months_since (1 to 24), cohort_size, active, retention.

    The newest four years of quarters, whatever the period; and only whole months that all of a quarter's people
    have had.
    """
    return ask(
        (
            _ACTIVE,
            """
        , firsts as (
            select
                user_key, min(month_index) as first_index,
                date_trunc('quarter', min(month_start_date))::date as cohort
            from active group by user_key
        ),
        sizes as (
            select cohort, count(*) as cohort_size, max(first_index) as last_first_index
            from firsts group by cohort
        ),
        last_month as (
            select month_index - 1 as last_index from gold.dim_month
            where month_start_date = date_trunc('month', $as_of)
        ),
        steps as (select unnest(range(0, 25)) as months_since),
        kept as (
            select f.cohort, a.month_index - f.first_index as months_since, count(distinct a.user_key) as active
            from active as a inner join firsts as f using (user_key) group by all
        )
        select
            s.cohort, steps.months_since, s.cohort_size, coalesce(k.active, 0) as active,
            coalesce(k.active, 0) / s.cohort_size as retention
        from sizes as s
        cross join steps
        cross join last_month
        left join kept as k on k.cohort = s.cohort and k.months_since = steps.months_since
        where s.last_first_index + steps.months_since <= last_index and s.cohort > $as_of - 365 * 4
        order by all
        """,
        ),
        chosen.params,
    )


_RECENCY = """
    , last_month as (
        select month_index as last_index from gold.dim_month where month_start_date = date_trunc('month', $as_of)
    ),
    ever as (
        select user_key, min(month_start_date) as first_month, max(month_start_date) as last_month,
            max(month_index) as last_active_index
        from active group by user_key
    ),
    recency as (
        select
            ever.*,
            case when last_index - last_active_index < 6 then 'Active'
                when last_index - last_active_index < 12 then 'Drifting' else 'Away' end as status
        from ever cross join last_month
    )
"""


def recency(chosen: Filters) -> pl.DataFrame:
    """status, people: of everybody who ever contributed, when they last did."""
    return ask(
        (_ACTIVE, _RECENCY, "select status, count(*) as people from recency group by status"), chosen.params
    )


def table(chosen: Filters) -> pl.DataFrame:
    """Everybody who contributed in the period, who did so last first."""
    return ask(
        (
            _ACTIVE,
            _RECENCY,
            """
        select
            u.display_name as name, r.status,
            r.last_month, r.first_month,
            sum(a.commits)::bigint as commits,
            sum(a.coauthored_commits)::bigint as coauthored,
            sum(a.issues_opened)::bigint as issues,
            sum(a.prs_opened)::bigint as prs,
            sum(a.prs_merged)::bigint as merged,
            count(distinct a.month_key) as months_active,
            'people?user=' || url_encode(coalesce(u.login, a.user_key::varchar))
                || '#' || coalesce(u.login, u.display_name) as person
        from gold.agg_user_month as a
        inner join recency as r using (user_key)
        inner join gold.dim_user as u on a.user_key = u.user_key
        where list_contains($repos, a.repository_key)
            and a.month_start_date >= $since and a.month_start_date < $until and a.contributions > 0
        group by a.user_key, u.login, u.display_name, r.status, r.last_month, r.first_month
        order by r.last_month desc, max(u.last_seen_at) desc, a.user_key
        limit 2000
        """,
        ),
        chosen.params,
    )


def counted(chosen: Filters) -> int:
    """Distinct contributors in the whole period."""
    row = ask_row(
        (
            _ACTIVE,
            """
        select count(distinct user_key) as n from active
        where month_start_date >= $since and month_start_date < $until
        """,
        ),
        chosen.params,
    )
    return int(row["n"])


def find(user: str) -> dict[str, Any]:
    """The user of a login (any case) or a key; empty where there is none."""
    return ask_row(
        """
        select u.*, a.contributions, a.commits, a.issues_opened, a.prs_opened, a.prs_merged, a.coauthored_commits
        from gold.dim_user as u
        left join gold.agg_user as a using (user_key)
        where lower(u.login) = lower($user) or u.user_key::varchar = $user
        order by u.login is null limit 1
        """,
        {"user": user},
    )


def user_months(user_key: int) -> pl.DataFrame:
    """period, kind, contributions: one user's timeline over all repositories, with gaps as gaps."""
    return ask(
        """
        select month_start_date as period, kind, sum(contributions)::bigint as contributions
        from (
            unpivot (
                select month_start_date, commits as "Commits", coauthored_commits as "Co-authored",
                    issues_opened as "Issues opened", prs_opened as "Pull requests opened"
                from gold.agg_user_month where user_key = $user_key and month_key > 0
            ) on columns(* exclude month_start_date) into name kind value contributions
        )
        group by all having sum(contributions) > 0
        order by all
        """,
        {"user_key": user_key},
    )


def user_repositories(user_key: int) -> pl.DataFrame:
    """What one user did in each repository."""
    return ask(
        """
        select
            full_name as repository, sum(commits)::bigint as commits,
            sum(coauthored_commits)::bigint as coauthored, sum(issues_opened)::bigint as issues,
            sum(prs_opened)::bigint as prs, sum(prs_merged)::bigint as merged,
            min(month_start_date) as first_month, max(month_start_date) as last_month
        from gold.agg_user_month where user_key = $user_key and contributions > 0
        group by all order by last_month desc, repository
        """,
        {"user_key": user_key},
    )


def user_rows(user_key: int) -> pl.DataFrame:
    """The newest 500 things one user did, with links."""
    return ask(
        """
        with done as (
            select c.committed_at as at, c.repository_key, 'commit' as kind, c.subject as title,
                '/commit/' || c.commit_sha as path
            from gold.fct_commits as c where c.author_user_key = $user_key and not c.is_merge_commit
            union all
            select opened_at, repository_key, 'issue opened', title, '/issues/' || issue_number
            from gold.fct_issues where author_user_key = $user_key
            union all
            select opened_at, repository_key, 'pull request opened', title, '/pull/' || issue_number
            from gold.fct_pull_requests where author_user_key = $user_key
        )
        select d.at, d.kind, r.full_name as repository, d.title, r.html_url || d.path as link
        from done as d inner join gold.dim_repository as r using (repository_key)
        order by d.at desc, link limit 500
        """,
        {"user_key": user_key},
    )
