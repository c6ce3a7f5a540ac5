with contributions as (
    select * from {{ ref('fct_contributions') }}
),

commits as (
    select * from {{ ref('fct_commits') }}
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

counted as (
    select
        user_key,
        repository_key,
        month_key,
        sum(case when action = 'commit_authored' then 1 else 0 end) as commits,
        sum(case when action = 'merge_authored' then 1 else 0 end) as merge_commits,
        sum(case when action = 'commit_coauthored' then 1 else 0 end) as coauthored_commits,
        -- In decimals: a sum of doubles depends on the order in which they come.
        sum(cast(commit_share as decimal(18, 9))) as commits_fractional,
        sum(case when action = 'issue_opened' then 1 else 0 end) as issues_opened,
        sum(case when action = 'pr_opened' then 1 else 0 end) as prs_opened,
        sum(case when action = 'pr_merged_as_author' then 1 else 0 end) as prs_merged,
        sum(case when is_activity then 1 else 0 end) as contributions,
        count(distinct case when is_activity and date_key > 0 then date_key end) as active_days
    from contributions
    group by user_key, repository_key, month_key
),

authored as (
    select
        author_user_key as user_key,
        repository_key,
        committed_month_key as month_key,
        count(distinct authored_date_key) as authored_days
    from commits
    where not is_merge_commit and authored_date_key > 0
    group by author_user_key, repository_key, committed_month_key
),

-- The months in which somebody contributed, each with the one before it.
active as (
    select
        counted.user_key,
        counted.repository_key,
        counted.month_key,
        months.month_index,
        lag(months.month_index) over (
            partition by counted.user_key, counted.repository_key order by months.month_index
        ) as previous_month_index,
        min(months.month_index) over (
            partition by counted.user_key, counted.repository_key
        ) as first_month_index
    from counted
    inner join months on counted.month_key = months.month_key
    where counted.contributions > 0 and counted.month_key > 0
),

final as (
    select
        counted.user_key,
        counted.repository_key,
        counted.month_key,
        months.month_start_date,
        users.login,
        users.display_name,
        repositories.full_name,
        case
            when
                not repositories.is_commit_history_complete
                or not repositories.is_issue_history_complete
                then null
            when active.month_index = active.first_month_index then 'new'
            when active.month_index - active.previous_month_index <= 6 then 'returning'
            when active.month_index is not null then 'reactivated'
        end as month_status,
        users.is_human,
        cast(counted.commits as integer) as commits,
        cast(counted.merge_commits as integer) as merge_commits,
        cast(counted.commits + counted.merge_commits as integer) as commits_total,
        cast(counted.coauthored_commits as integer) as coauthored_commits,
        cast(counted.commits_fractional as double) as commits_fractional,
        cast(counted.issues_opened as integer) as issues_opened,
        cast(counted.prs_opened as integer) as prs_opened,
        cast(counted.prs_merged as integer) as prs_merged,
        cast(counted.contributions as integer) as contributions,
        cast(counted.active_days as integer) as active_days,
        cast(coalesce(authored.authored_days, 0) as integer) as authored_days,
        cast(active.month_index - active.first_month_index as integer) as months_since_first
    from counted
    inner join users on counted.user_key = users.user_key
    inner join repositories on counted.repository_key = repositories.repository_key
    inner join months on counted.month_key = months.month_key
    left join authored
        on
            counted.user_key = authored.user_key
            and counted.repository_key = authored.repository_key
            and counted.month_key = authored.month_key
    left join active
        on
            counted.user_key = active.user_key
            and counted.repository_key = active.repository_key
            and counted.month_key = active.month_key
)

select * from final
order by repository_key, month_key, user_key
