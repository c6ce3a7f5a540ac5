"""The last whole month against the months before it, for all repositories together and for each."""

from __future__ import annotations

import polars as pl

from app.filters import Filters
from app.queries import ask

_MONTHS = """
    with months as (
        select
            month_start_date as period,
            bool_and(is_complete_month) as is_complete,
            sum(commits + case when $bots then commits_bot + commits_ai_agent + commits_unattributed else 0 end
                + case when $merges then merge_commits else 0 end)::bigint as commits,
            sum(issues_opened)::bigint as issues_opened,
            sum(issues_closed)::bigint as issues_closed,
            sum(open_issues_end)::bigint as open_issues,
            sum(prs_merged)::bigint as prs_merged
        from gold.agg_repository_month
        where list_contains($repos, repository_key) and month_start_date < $until and month_key > 0
        group by all
    ),
    people as (
        select a.month_start_date as period, count(distinct a.user_key) as contributors
        from gold.agg_user_month as a
        inner join gold.dim_user as u using (user_key)
        where list_contains($repos, a.repository_key) and a.contributions > 0
            and (u.is_human or $bots and u.actor_type in ('bot', 'ai_agent'))
        group by all
    )
    select months.*, coalesce(contributors, 0) as contributors
    from months left join people using (period)
    order by period desc
    limit 26
"""


def months(chosen: Filters) -> pl.DataFrame:
    """The newest 26 months of the period, oldest first: period, is_complete and each number."""
    return ask(_MONTHS, chosen.params).reverse()


def by_repository(chosen: Filters) -> pl.DataFrame:
    """For each repository: its last whole month, the usual month before it, and twelve months of commits."""
    return ask(
        """
        with months as (
            select
                *,
                row_number() over (partition by repository_key order by month_key desc) as place
            from gold.agg_repository_month
            where list_contains($repos, repository_key) and is_complete_month and month_key > 0
                and month_start_date < $until
        )
        select
            r.full_name as repository,
            max(m.month_start_date) as last_month,
            max(m.commits) filter (where place = 1) as commits,
            median(m.commits) filter (where place between 2 and 7) as usual_commits,
            list(m.commits order by m.month_key) filter (where place <= 12) as commits_by_month,
            max(m.open_issues_end) filter (where place = 1) as open_issues,
            max(m.open_issues_end) filter (where place = 1) - max(m.open_issues_end) filter (where place = 4)
                as open_issues_change,
            max(m.prs_merged) filter (where place = 1) as prs_merged,
            r.html_url as link
        from gold.dim_repository as r
        left join months as m using (repository_key)
        where list_contains($repos, r.repository_key)
        group by r.full_name, r.html_url
        order by commits desc nulls last, repository
        """,
        chosen.params,
    )
