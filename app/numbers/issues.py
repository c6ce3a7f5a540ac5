"""Issues: coming and going, what is open, how long closing takes, and the lists to work from."""

from __future__ import annotations

import polars as pl

from app.filters import Filters
from app.queries import ask

_MONTHS = """
    select
        month_start_date as period,
        bool_and(is_complete_month) as is_complete,
        sum(issues_opened)::bigint as opened,
        sum(issues_closed)::bigint as closed,
        sum(open_issues_end)::bigint as open_at_end
    from gold.agg_repository_month
    where list_contains($repos, repository_key) and month_start_date >= $since and month_start_date < $until
    group by all
    order by period
"""
_DAYS = """
    with issues as (
        select
            *,
            -- What closed before it opened, or on a day that cannot be believed, is never counted as open, as in
            -- the monthly numbers.
            opened_date_key > 0 and (is_open or closed_date_key >= opened_date_key) as was_open
        from gold.fct_issues
        where list_contains($repos, repository_key)
    ),
    opened as (
        select
            date_trunc($grain, opened_at)::date as period, count(*) as opened,
            count(*) filter (where was_open) as joined
        from issues
        where opened_date_key > 0
        group by 1
    ),
    closed as (
        select
            date_trunc($grain, closed_at)::date as period, count(*) as closed,
            count(*) filter (where was_open) as gone
        from issues
        where closed_date_key > 0
        group by 1
    ),
    spine as (
        select unnest(generate_series(
            (select min(period) from opened)::timestamp, $as_of::timestamp,
            case $grain when 'week' then interval 7 days else interval 1 day end
        ))::date as period
    ),
    counted as (
        select
            period,
            period + case $grain when 'week' then 7 else 1 end <= $as_of as is_complete,
            coalesce(opened, 0) as opened,
            coalesce(closed, 0) as closed,
            (sum(coalesce(joined, 0) - coalesce(gone, 0)) over (order by period))::bigint as open_at_end
        from spine left join opened using (period) left join closed using (period)
    )
    select * from counted where period >= $since and period < $until order by period
"""


def series(chosen: Filters) -> pl.DataFrame:
    """period, is_complete, opened, closed, open_at_end."""
    return ask(_MONTHS if chosen.grain == "month" else _DAYS, chosen.params)


def monthly(chosen: Filters) -> pl.DataFrame:
    """The same by month, whatever the granularity."""
    return ask(_MONTHS, chosen.params)


def open_by_age(chosen: Filters) -> pl.DataFrame:
    """period, is_complete, band, issues: what was open at each month's end, by how long it had been."""
    return ask(
        """
        with months as (
            select
                month_start_date as period,
                bool_and(is_complete_month) as is_complete,
                least((month_start_date + interval 1 month)::date - 1, $as_of) as month_end
            from gold.agg_repository_month
            where list_contains($repos, repository_key)
                and month_start_date >= $since and month_start_date < $until
            group by all
        ),
        aged as (
            select m.period, m.is_complete, m.month_end - i.opened_at::date as age
            from months as m
            inner join gold.fct_issues as i
                on i.opened_date_key > 0 and i.opened_at::date <= m.month_end
                and (i.is_open or i.closed_date_key > 0 and i.closed_at::date > m.month_end)
            where list_contains($repos, i.repository_key)
        )
        select
            period, is_complete,
            case when age <= 7 then '0–7 days' when age <= 30 then '8–30 days' when age <= 90 then '31–90 days'
                else 'over 90 days' end as band,
            count(*) as issues
        from aged
        group by all
        order by period, min(age)
        """,
        chosen.params,
    )


def time_to_close(chosen: Filters) -> pl.DataFrame:
    """period, is_complete, n, median_days, p90_days: of the issues closed in each month."""
    return ask(
        """
        with months as (
            select month_start_date as period, bool_and(is_complete_month) as is_complete
            from gold.agg_repository_month
            where list_contains($repos, repository_key)
                and month_start_date >= $since and month_start_date < $until
            group by all
        ),
        closed as (
            select
                date_trunc('month', closed_at)::date as period,
                count(days_to_close) as n,
                quantile_cont(days_to_close, 0.5) as median_days,
                quantile_cont(days_to_close, 0.9) as p90_days
            from gold.fct_issues
            where list_contains($repos, repository_key) and closed_date_key > 0
            group by 1
        )
        select period, is_complete, coalesce(n, 0) as n, median_days, p90_days
        from months left join closed using (period)
        order by period
        """,
        chosen.params,
    )


def survival(chosen: Filters) -> pl.DataFrame:
    """cohort, age_days, still_open, n: Kaplan–Meier by year of opening; open issues are not thrown away."""
    return ask(
        """
        with lifetimes as (
            select
                year(opened_at)::varchar as cohort,
                is_open,
                case when is_open then open_age_days else floor(greatest(days_to_close, 0))::int end as age_days
            from gold.fct_issues
            where list_contains($repos, repository_key) and opened_date_key > 0 and closed_date_key <> -1
                and year(opened_at) > year($as_of) - 4
        ),
        steps as (
            select
                cohort, age_days, count(*) filter (where not is_open) as closed, count(*) as leaving
            from lifetimes group by all
        ),
        risks as (
            select *, sum(leaving) over (partition by cohort order by age_days desc) as at_risk from steps
        ),
        curves as (
            select
                cohort, age_days,
                product(1 - closed / at_risk) over (partition by cohort order by age_days) as still_open,
                (sum(leaving) over (partition by cohort))::bigint as n
            from risks
        )
        select * from curves where age_days <= 365
        union all
        select cohort, 0, 1.0, max(n) from curves group by cohort having min(age_days) > 0
        union all
        select
            cohort, least(365, max(age_days)), arg_max(still_open, age_days) filter (where age_days <= 365), max(n)
        from curves group by cohort
        order by cohort, age_days
        """,
        chosen.params,
    )


def by_class(chosen: Filters) -> pl.DataFrame:
    """issue_class, opened, open_now, median_days: what the labels say they are."""
    return ask(
        """
        select
            issue_class,
            count(*) as opened,
            count(*) filter (where is_open) as open_now,
            quantile_cont(days_to_close, 0.5) as median_days
        from gold.fct_issues
        where list_contains($repos, repository_key) and opened_date_key > 0
            and opened_at >= $since and opened_at < $until
        group by all
        order by opened desc
        """,
        chosen.params,
    )


def closed_reasons(chosen: Filters) -> pl.DataFrame:
    """period, is_complete, reason, issues: why issues were closed, by month."""
    return ask(
        """
        select
            d.month_start_date as period,
            (d.month_start_date + interval 1 month)::date <= $as_of as is_complete,
            case i.state_reason when 'completed' then 'Completed' when 'not_planned' then 'Not planned'
                when 'duplicate' then 'Duplicate' else 'Unknown' end as reason,
            count(*) as issues
        from gold.fct_issues as i
        inner join gold.dim_date as d on i.closed_date_key = d.date_key
        where list_contains($repos, i.repository_key) and not i.is_open
            and d.date_day >= $since and d.date_day < $until
        group by all
        order by all
        """,
        chosen.params,
    )
