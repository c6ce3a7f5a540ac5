with agg_user_month as (
    select * from {{ ref('agg_user_month') }}
),

contributions as (
    select * from {{ ref('fct_contributions') }}
),

users as (
    select * from {{ ref('dim_user') }}
),

repositories as (
    select * from {{ ref('dim_repository') }}
),

months as (
    select * from {{ ref('dim_month') }}
),

user_months as (
    {{ user_months_ago() }}
),

totals as (
    {{ contributor_totals(['user_key']) }}
),

spans as (
    {{ contribution_spans(['user_key']) }}
),

places as (
    select
        user_key,
        count(distinct repository_key) as repositories_count
    from agg_user_month
    group by user_key
),

final as (
    select
        totals.user_key,
        users.login,
        users.display_name,
        users.actor_type,
        {{ recency_status('totals.months_since_last') }} as recency_status,
        {{ consistency_status('totals.contributions') }} as consistency_status,
        users.is_human,
        totals.commits,
        totals.merge_commits,
        totals.commits_total,
        totals.coauthored_commits,
        totals.issues_opened,
        totals.prs_opened,
        totals.prs_merged,
        totals.contributions,
        totals.months_active,
        cast(places.repositories_count as integer) as repositories_count,
        totals.commits_12m,
        case
            when users.is_human and totals.commits_12m > 0
                then totals.commits_12m * 1.0 / sum(
                    case when users.is_human then totals.commits_12m else 0 end
                ) over ()
        end as share_of_commits_12m,
        {{ whole_days_between('spans.first_contribution_at', 'spans.last_contribution_at') }}
            as tenure_days,
        spans.first_contribution_at,
        spans.last_contribution_at
    from totals
    inner join users on totals.user_key = users.user_key
    inner join places on totals.user_key = places.user_key
    left join spans on totals.user_key = spans.user_key
)

select * from final
order by user_key
