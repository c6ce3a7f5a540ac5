with issues as (
    select * from {{ ref('fct_issues') }}
),

repositories as (
    select * from {{ ref('dim_repository') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

-- An open issue has lasted at least until now: it leaves the curve without closing (censored).
lifetimes as (
    select
        issues.repository_key,
        issues.issue_class,
        dates.quarter_label as opened_quarter,
        issues.is_open,
        case
            when issues.is_open then issues.open_age_days
            else cast(floor(greatest(issues.days_to_close, 0)) as integer)
        end as age_days
    from issues
    inner join dates on issues.opened_date_key = dates.date_key
    where issues.opened_date_key > 0 and issues.closed_date_key <> -1
),

-- Each issue stands in four curves: of its class or all, opened in its quarter or ever.
curves as (
    select
        lifetimes.repository_key,
        lifetimes.is_open,
        lifetimes.age_days,
        case when choices.by_class then lifetimes.issue_class else 'all' end as issue_class,
        case when choices.by_quarter then lifetimes.opened_quarter else 'all' end
            as opened_quarter
    from lifetimes
    cross join (
        values (true, true), (true, false), (false, true), (false, false)
    ) as choices (by_class, by_quarter)
),

steps as (
    select
        repository_key,
        issue_class,
        opened_quarter,
        age_days,
        sum(case when is_open then 0 else 1 end) as closed,
        sum(case when is_open then 1 else 0 end) as censored
    from curves
    group by repository_key, issue_class, opened_quarter, age_days
),

risks as (
    select
        *,
        sum(closed + censored) over (
            partition by repository_key, issue_class, opened_quarter
            order by age_days desc
            rows between unbounded preceding and current row
        ) as at_risk
    from steps
),

-- The product of the steps as a sum of logarithms; once all at risk have closed, nothing is left.
survivals as (
    select
        *,
        case
            when
                max(case when closed = at_risk then 1 else 0 end) over (
                    partition by repository_key, issue_class, opened_quarter
                    order by age_days
                    rows between unbounded preceding and current row
                ) = 1
                then 0
            else exp(
                sum(
                    ln(case when closed = at_risk then 1 else 1 - closed * 1.0 / at_risk end)
                ) over (
                    partition by repository_key, issue_class, opened_quarter
                    order by age_days
                    rows between unbounded preceding and current row
                )
            )
        end as km_survival
    from risks
),

final as (
    select
        survivals.repository_key,
        survivals.issue_class,
        survivals.opened_quarter,
        survivals.age_days,
        repositories.full_name,
        cast(survivals.at_risk as integer) as at_risk,
        cast(survivals.closed as integer) as closed,
        cast(survivals.censored as integer) as censored,
        cast(survivals.km_survival as double) as km_survival,
        min(case when survivals.km_survival <= 0.5 then survivals.age_days end) over (
            partition by
                survivals.repository_key, survivals.issue_class, survivals.opened_quarter
        ) as km_median_days_to_close
    from survivals
    inner join repositories on survivals.repository_key = repositories.repository_key
)

select * from final
order by repository_key, issue_class, opened_quarter, age_days
