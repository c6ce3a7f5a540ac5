with user_months as (
    select * from {{ ref('agg_user_month') }}
),

users as (
    select * from {{ ref('dim_user') }}
),

summed as (
    select
        user_key,
        cast(sum(commits) as integer) as commits,
        cast(sum(merge_commits) as integer) as merge_commits,
        cast(sum(commits_total) as integer) as commits_total,
        cast(sum(coauthored_commits) as integer) as coauthored_commits,
        cast(sum(issues_opened) as integer) as issues_opened,
        cast(sum(prs_opened) as integer) as prs_opened,
        cast(sum(prs_merged) as integer) as prs_merged,
        cast(sum(contributions) as integer) as contributions,
        cast(count(distinct case when month_key > 0 then month_key end) as integer)
            as months_active,
        cast(count(distinct repository_key) as integer) as repositories_count
    from user_months
    group by user_key
),

final as (
    select
        summed.user_key,
        users.login,
        users.display_name,
        users.actor_type,
        users.is_human,
        summed.commits,
        summed.merge_commits,
        summed.commits_total,
        summed.coauthored_commits,
        summed.issues_opened,
        summed.prs_opened,
        summed.prs_merged,
        summed.contributions,
        summed.months_active,
        summed.repositories_count,
        users.first_seen_at,
        users.last_seen_at
    from summed
    inner join users on summed.user_key = users.user_key
)

select * from final
