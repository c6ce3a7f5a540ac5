with user_months as (
    select * from {{ ref('agg_user_month') }}
    where is_human and contributions > 0 and month_key > 0
),

repositories as (
    select * from {{ ref('dim_repository') }}
    where is_commit_history_complete and is_issue_history_complete
),

months as (
    select * from {{ ref('dim_month') }}
),

placed as (
    select
        user_months.repository_key,
        months.month_index - user_months.months_since_first as cohort_month_index,
        user_months.months_since_first,
        count(*) as active_contributors
    from user_months
    inner join months on user_months.month_key = months.month_key
    group by
        user_months.repository_key,
        months.month_index - user_months.months_since_first,
        user_months.months_since_first
),

cohorts as (
    select
        repository_key,
        cohort_month_index,
        active_contributors as cohort_size
    from placed
    where months_since_first = 0
),

-- Dense: a month in which nobody of the cohort was active has a row with 0.
final as (
    select
        cohorts.repository_key,
        cohort_months.month_key as cohort_month_key,
        months.month_index - cohorts.cohort_month_index as months_since_first,
        cohort_months.month_start_date as cohort_month_start_date,
        months.month_key as activity_month_key,
        repositories.full_name,
        months.month_end_date < repositories.as_of_date as is_complete_month,
        cast(cohorts.cohort_size as integer) as cohort_size,
        cast(coalesce(placed.active_contributors, 0) as integer) as active_contributors,
        case
            when months.month_end_date < repositories.as_of_date
                then coalesce(placed.active_contributors, 0) * 1.0 / cohorts.cohort_size
        end as retention_rate
    from cohorts
    inner join repositories on cohorts.repository_key = repositories.repository_key
    inner join months as cohort_months on cohorts.cohort_month_index = cohort_months.month_index
    inner join months on cohorts.cohort_month_index <= months.month_index
    left join placed
        on
            cohorts.repository_key = placed.repository_key
            and cohorts.cohort_month_index = placed.cohort_month_index
            and months.month_index - cohorts.cohort_month_index = placed.months_since_first
    where
        months.month_start_date <= repositories.as_of_date
        or placed.active_contributors is not null
)

select * from final
order by repository_key, cohort_month_key, months_since_first
