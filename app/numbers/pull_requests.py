"""Pull requests: opened and ended, how many are merged, how long it takes, and what waits."""

from __future__ import annotations

from typing import Any

import polars as pl

from app.filters import Filters
from app.queries import ask, ask_row

_MONTHS = """
    select
        month_start_date as period,
        bool_and(is_complete_month) as is_complete,
        sum(prs_opened)::bigint as opened,
        sum(prs_merged)::bigint as merged,
        sum(prs_closed_unmerged)::bigint as closed_unmerged,
        sum(open_prs_end)::bigint as open_at_end
    from gold.agg_repository_month
    where list_contains($repos, repository_key) and month_start_date >= $since and month_start_date < $until
    group by all
    order by period
"""
_DAYS = """
    with events as (
        select opened_at as event_at, 1 as opened, 0 as merged, 0 as closed_unmerged
        from gold.fct_pull_requests
        where list_contains($repos, repository_key) and opened_date_key > 0
        union all
        select merged_at, 0, 1, 0
        from gold.fct_pull_requests
        where list_contains($repos, repository_key) and merged_date_key > 0
        union all
        select closed_at, 0, 0, 1
        from gold.fct_pull_requests
        where list_contains($repos, repository_key) and closed_date_key > 0 and outcome = 'closed_unmerged'
    ),
    counted as (
        select
            date_trunc($grain, event_at)::date as period,
            sum(opened)::bigint as opened, sum(merged)::bigint as merged,
            sum(closed_unmerged)::bigint as closed_unmerged
        from events
        where event_at >= $since and event_at < $until
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
        coalesce(opened, 0) as opened, coalesce(merged, 0) as merged,
        coalesce(closed_unmerged, 0) as closed_unmerged
    from spine left join counted using (period)
    where period < $until
    order by period
"""


def series(chosen: Filters) -> pl.DataFrame:
    """period, is_complete, opened, merged, closed_unmerged."""
    return ask(_MONTHS if chosen.grain == "month" else _DAYS, chosen.params)


def outcomes(frame: pl.DataFrame) -> pl.DataFrame:
    """period, is_complete, outcome, ended: of a series, one row for each way of ending."""
    names = {"merged": "Merged", "closed_unmerged": "Closed unmerged"}
    long = frame.unpivot(list(names), index=["period", "is_complete"], variable_name="outcome", value_name="ended")
    return long.with_columns(pl.col("outcome").replace_strict(names, return_dtype=pl.String)).sort(
        "period", "outcome"
    )


def by_opener(chosen: Filters) -> pl.DataFrame:
    """period, is_complete, kind, pull_requests: who opens them, people or machines, by month."""
    return ask(
        """
        select
            d.month_start_date as period,
            (d.month_start_date + interval 1 month)::date <= $as_of as is_complete,
            case u.actor_type when 'human' then 'People' when 'bot' then 'Bots' when 'ai_agent' then 'AI agents'
                else 'Deleted or unknown' end as kind,
            count(*) as pull_requests
        from gold.fct_pull_requests as p
        inner join gold.dim_user as u on p.author_user_key = u.user_key
        inner join gold.dim_date as d on p.opened_date_key = d.date_key
        where list_contains($repos, p.repository_key) and d.date_day >= $since and d.date_day < $until
        group by all
        order by all
        """,
        chosen.params,
    )


def time_to_merge(chosen: Filters) -> pl.DataFrame:
    """period, is_complete, n, median_days, p90_days: of the pull requests merged in each month."""
    return ask(
        """
        with months as (
            select month_start_date as period, bool_and(is_complete_month) as is_complete
            from gold.agg_repository_month
            where list_contains($repos, repository_key)
                and month_start_date >= $since and month_start_date < $until
            group by all
        ),
        merged as (
            select
                date_trunc('month', merged_at)::date as period,
                count(days_to_merge) as n,
                quantile_cont(days_to_merge, 0.5) as median_days,
                quantile_cont(days_to_merge, 0.9) as p90_days
            from gold.fct_pull_requests
            where list_contains($repos, repository_key) and merged_date_key > 0
            group by 1
        )
        select period, is_complete, coalesce(n, 0) as n, median_days, p90_days
        from months left join merged using (period)
        order by period
        """,
        chosen.params,
    )


def totals(chosen: Filters) -> dict[str, Any]:
    """merged, unmerged, median_days of what ended in the period; open_now, oldest_days as of the last sync."""
    return ask_row(
        """
        select
            count(*) filter (where outcome = 'merged' and ended) as merged,
            count(*) filter (where outcome = 'closed_unmerged' and ended) as unmerged,
            quantile_cont(days_to_merge, 0.5) filter (where outcome = 'merged' and ended) as median_days,
            count(*) filter (where is_open) as open_now,
            count(*) filter (where is_open and is_draft) as drafts,
            max(open_age_days) as oldest_days
        from (
            select
                *,
                case when is_merged then merged_date_key else closed_date_key end > 0
                and coalesce(merged_at, closed_at) >= $since and coalesce(merged_at, closed_at) < $until as ended
            from gold.fct_pull_requests
            where list_contains($repos, repository_key)
        )
        """,
        chosen.params,
    )


def open_by_age(chosen: Filters) -> pl.DataFrame:
    """band, kind, pull_requests: what is open as of the last sync, by how long."""
    return ask(
        """
        select
            case when open_age_days <= 7 then '0–7 days' when open_age_days <= 30 then '8–30 days'
                when open_age_days <= 90 then '31–90 days' else 'over 90 days' end as band,
            count(*) as pull_requests
        from gold.fct_pull_requests
        where list_contains($repos, repository_key) and is_open
        group by all
        order by min(open_age_days)
        """,
        chosen.params,
    )


_ROWS = """
    select
        p.title, r.full_name as repository, p.issue_number as number, p.outcome, p.is_draft,
        p.open_age_days, p.inactive_days, p.days_to_merge, p.comments_count as comments,
        coalesce(u.login, u.display_name) as author, p.opened_at, p.closed_at,
        r.html_url || '/pull/' || p.issue_number as link
    from gold.fct_pull_requests as p
    inner join gold.dim_repository as r using (repository_key)
    inner join gold.dim_user as u on p.author_user_key = u.user_key
    where list_contains($repos, p.repository_key)
"""


def waiting(chosen: Filters) -> pl.DataFrame:
    """The open pull requests, the longest waiting first, 200 at most."""
    return ask((_ROWS, "and p.is_open order by p.opened_at, p.issue_key limit 200"), chosen.params)


def rows(chosen: Filters) -> pl.DataFrame:
    """The pull requests opened or ended in the period, newest first."""
    return ask(
        (
            _ROWS,
            """
        and (
            p.opened_at >= $since and p.opened_at < $until
            or coalesce(p.merged_at, p.closed_at) >= $since and coalesce(p.merged_at, p.closed_at) < $until
        )
        order by greatest(p.opened_at, coalesce(p.merged_at, p.closed_at, p.opened_at)) desc, p.issue_key
        limit 1000
        """,
        ),
        chosen.params,
    )
