"""On how few people the work rests."""

from __future__ import annotations

from typing import Any

import polars as pl

from app.filters import Filters
from app.queries import ask

# Merge commits and bots never count here: merging is no knowledge of the code, and a bot does not leave.
_PEOPLE = """
    with people as (
        select a.user_key, m.month_index, sum(a.commits)::bigint as commits
        from gold.agg_user_month as a
        inner join gold.dim_month as m using (month_key)
        where list_contains($repos, a.repository_key) and a.is_human and a.commits > 0 and a.month_key > 0
        group by all
    ),
    ends as (
        select r.month_start_date as period, m.month_index
        from gold.agg_repository_month as r
        inner join gold.dim_month as m using (month_key)
        where list_contains($repos, r.repository_key) and r.month_start_date < $until
        group by all
        having bool_and(r.is_complete_month)
    ),
"""
_RANKED = """
    windows as (
        select e.period, p.user_key, sum(p.commits)::bigint as commits
        from ends as e
        inner join people as p on p.month_index between e.month_index - $window + 1 and e.month_index
        group by all
    ),
    ranked as (
        select
            *,
            row_number() over running as place,
            (sum(commits) over running)::bigint as running_commits,
            (sum(commits) over (partition by period))::bigint as all_commits
        from windows
        window running as (
            partition by period order by commits desc, user_key rows between unbounded preceding and current row
        )
    )
"""


def _params(chosen: Filters, window: int, threshold: float) -> dict[str, Any]:
    return {**chosen.params, "window": window, "threshold": threshold}


def factor(chosen: Filters, window: int, threshold: float) -> pl.DataFrame:
    """period, factor, top_share, authors, commits: for each complete month, over the `window` months up to it."""
    return ask(
        (
            _PEOPLE,
            _RANKED,
            """
        select
            period,
            min(place) filter (where running_commits >= $threshold * all_commits) as factor,
            max(commits / all_commits) filter (where place = 1) as top_share,
            max(place) as authors,
            max(all_commits) as commits
        from ranked
        where period >= $since
        group by period
        order by period
        """,
        ),
        _params(chosen, window, threshold),
    )


def shares(chosen: Filters, window: int, threshold: float) -> pl.DataFrame:
    """place, person, commits, share, running_share, is_needed, tier: of the newest window.

    Who made the most stands first. Core are those who together made 80 %, regular up to 95 %, casual the rest.
    """
    return ask(
        (
            _PEOPLE,
            _RANKED,
            """
        select
            r.place, coalesce(u.login, u.display_name) as person, u.display_name as name, r.commits,
            r.commits / r.all_commits as share,
            r.running_commits / r.all_commits as running_share,
            r.running_commits - r.commits < $threshold * r.all_commits as is_needed,
            case when r.running_commits - r.commits < 0.80 * r.all_commits then 'Core'
                when r.running_commits - r.commits < 0.95 * r.all_commits then 'Regular' else 'Casual' end as tier,
            r.period,
            'people?user=' || url_encode(coalesce(u.login, r.user_key::varchar))
                || '#' || coalesce(u.login, u.display_name) as page
        from ranked as r
        inner join gold.dim_user as u using (user_key)
        where r.period = (select max(period) from ranked)
        order by r.place
        limit 2000
        """,
        ),
        _params(chosen, window, threshold),
    )


def by_repository(chosen: Filters, window: int, threshold: float) -> pl.DataFrame:
    """repository, factor, authors, commits, top_share, top_person: each repository by itself, newest window."""
    return ask(
        """
        with ends as (
            select r.repository_key, max(m.month_index) as month_index
            from gold.agg_repository_month as r inner join gold.dim_month as m using (month_key)
            where list_contains($repos, r.repository_key) and r.is_complete_month and r.month_start_date < $until
            group by all
        ),
        windows as (
            select a.repository_key, a.user_key, sum(a.commits)::bigint as commits
            from gold.agg_user_month as a
            inner join gold.dim_month as m using (month_key)
            inner join ends as e
                on e.repository_key = a.repository_key
                and m.month_index between e.month_index - $window + 1 and e.month_index
            where a.is_human and a.commits > 0 and a.month_key > 0
            group by all
        ),
        ranked as (
            select
                *, row_number() over running as place,
                sum(commits) over running as running_commits,
                sum(commits) over (partition by repository_key) as all_commits
            from windows
            window running as (
                partition by repository_key order by commits desc, user_key
                rows between unbounded preceding and current row
            )
        )
        select
            d.full_name as repository,
            min(place) filter (where running_commits >= $threshold * all_commits) as factor,
            max(place) as authors,
            max(all_commits)::bigint as commits,
            max(commits / all_commits) filter (where place = 1) as top_share,
            max(coalesce(u.login, u.display_name)) filter (where place = 1) as top_person
        from ranked
        inner join gold.dim_user as u using (user_key)
        inner join gold.dim_repository as d using (repository_key)
        group by all
        order by factor, top_share desc
        """,
        _params(chosen, window, threshold),
    )
