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
    {{ contributor_totals(['user_key', 'repository_key']) }}
),

spans as (
    {{ contribution_spans(['user_key', 'repository_key']) }}
),

-- The onion: who made most of the last year's commits, from the most active inwards.
ranked as (
    select
        totals.user_key,
        totals.repository_key,
        totals.commits_12m,
        sum(totals.commits_12m) over (partition by totals.repository_key) as all_commits_12m,
        sum(totals.commits_12m) over (
            partition by totals.repository_key
            order by totals.commits_12m desc, totals.user_key asc
            rows between unbounded preceding and current row
        ) as running_commits_12m
    from totals
    inner join users on totals.user_key = users.user_key
    where users.is_human and totals.commits_12m > 0
),

final as (
    select
        totals.user_key,
        totals.repository_key,
        users.login,
        users.display_name,
        repositories.full_name,
        {{ recency_status('totals.months_since_last') }} as recency_status,
        {{ consistency_status('totals.contributions') }} as consistency_status,
        case
            when (ranked.running_commits_12m - ranked.commits_12m) < 0.80 * ranked.all_commits_12m
                then 'core'
            when (ranked.running_commits_12m - ranked.commits_12m) < 0.95 * ranked.all_commits_12m
                then 'regular'
            when ranked.commits_12m > 0 then 'casual'
        end as onion_tier,
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
        totals.commits_12m,
        ranked.commits_12m * 1.0 / ranked.all_commits_12m as share_of_commits_12m,
        {{ whole_days_between('spans.first_contribution_at', 'spans.last_contribution_at') }}
            as tenure_days,
        spans.first_contribution_at,
        spans.last_contribution_at
    from totals
    inner join users on totals.user_key = users.user_key
    inner join repositories on totals.repository_key = repositories.repository_key
    left join spans
        on
            totals.user_key = spans.user_key
            and totals.repository_key = spans.repository_key
    left join ranked
        on
            totals.user_key = ranked.user_key
            and totals.repository_key = ranked.repository_key
)

select * from final
order by repository_key, user_key
