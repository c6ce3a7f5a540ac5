with commits as (
    select * from {{ ref('fct_commits') }}
),

issues as (
    select * from {{ ref('fct_issues') }}
),

pull_requests as (
    select * from {{ ref('fct_pull_requests') }}
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

commit_months as (
    select
        commits.repository_key,
        commits.committed_month_key as month_key,
        count(*) as commits_total,
        sum(case when commits.is_merge_commit then 1 else 0 end) as merge_commits,
        sum(case when not commits.is_merge_commit and users.actor_type = 'human' then 1 else 0 end)
            as commits,
        sum(case when not commits.is_merge_commit and users.actor_type = 'bot' then 1 else 0 end)
            as commits_bot,
        sum(
            case when not commits.is_merge_commit and users.actor_type = 'ai_agent' then 1 else 0 end
        ) as commits_ai_agent,
        sum(
            case
                when
                    not commits.is_merge_commit
                    and users.actor_type in ('system', 'ghost', 'unknown')
                    then 1
                else 0
            end
        ) as commits_unattributed
    from commits
    inner join users on commits.author_user_key = users.user_key
    group by commits.repository_key, commits.committed_month_key
),

issue_events as (
    select
        repository_key,
        opened_month_key as month_key,
        1 as issues_opened,
        0 as issues_closed,
        0 as prs_opened,
        0 as prs_merged,
        0 as prs_closed_unmerged
    from issues

    union all

    select
        repository_key,
        closed_month_key as month_key,
        0 as issues_opened,
        1 as issues_closed,
        0 as prs_opened,
        0 as prs_merged,
        0 as prs_closed_unmerged
    from issues
    where not is_open

    union all

    select
        repository_key,
        opened_month_key as month_key,
        0 as issues_opened,
        0 as issues_closed,
        1 as prs_opened,
        0 as prs_merged,
        0 as prs_closed_unmerged
    from pull_requests

    union all

    select
        repository_key,
        case when is_merged then merged_month_key else closed_month_key end as month_key,
        0 as issues_opened,
        0 as issues_closed,
        0 as prs_opened,
        case when is_merged then 1 else 0 end as prs_merged,
        case when is_merged then 0 else 1 end as prs_closed_unmerged
    from pull_requests
    where not is_open
),

item_months as (
    select
        repository_key,
        month_key,
        sum(issues_opened) as issues_opened,
        sum(issues_closed) as issues_closed,
        sum(prs_opened) as prs_opened,
        sum(prs_merged) as prs_merged,
        sum(prs_closed_unmerged) as prs_closed_unmerged
    from issue_events
    group by repository_key, month_key
),

active_months as (
    select
        repository_key,
        month_key
    from commit_months
    union distinct
    select
        repository_key,
        month_key
    from item_months
),

spans as (
    select
        repositories.repository_key,
        min(active_months.month_key) as first_month_key,
        greatest(max(active_months.month_key), max({{ month_key('repositories.as_of_date') }}))
            as last_month_key
    from active_months
    inner join repositories on active_months.repository_key = repositories.repository_key
    where active_months.month_key > 0
    group by repositories.repository_key
),

-- Dense: every month from the first activity to the last sync, and the unknown month where it is needed.
spine as (
    select
        spans.repository_key,
        months.month_key
    from spans
    inner join months
        on months.month_key between spans.first_month_key and spans.last_month_key

    union all

    select
        repository_key,
        month_key
    from active_months
    where month_key < 0
),

-- An issue with a closing date that cannot be believed leaves the backlog on the day it was opened.
backlog_changes as (
    select
        repository_key,
        opened_month_key as month_key,
        1 as change
    from issues
    where opened_month_key > 0 and closed_month_key <> -1

    union all

    select
        repository_key,
        closed_month_key as month_key,
        -1 as change
    from issues
    where opened_month_key > 0 and closed_month_key > 0
),

backlog_months as (
    select
        repository_key,
        month_key,
        sum(change) as change
    from backlog_changes
    group by repository_key, month_key
),

final as (
    select
        spine.repository_key,
        spine.month_key,
        months.month_start_date,
        repositories.full_name,
        coalesce(months.month_end_date < repositories.as_of_date, false) as is_complete_month,
        cast(coalesce(commit_months.commits, 0) as integer) as commits,
        cast(coalesce(commit_months.commits_bot, 0) as integer) as commits_bot,
        cast(coalesce(commit_months.commits_ai_agent, 0) as integer) as commits_ai_agent,
        cast(coalesce(commit_months.commits_unattributed, 0) as integer) as commits_unattributed,
        cast(coalesce(commit_months.merge_commits, 0) as integer) as merge_commits,
        cast(coalesce(commit_months.commits_total, 0) as integer) as commits_total,
        cast(coalesce(item_months.issues_opened, 0) as integer) as issues_opened,
        cast(coalesce(item_months.issues_closed, 0) as integer) as issues_closed,
        case
            when spine.month_key > 0
                then cast(
                    sum(coalesce(backlog_months.change, 0)) over (
                        partition by spine.repository_key
                        order by spine.month_key
                        rows between unbounded preceding and current row
                    ) as integer
                )
        end as open_issues_end,
        cast(coalesce(item_months.prs_opened, 0) as integer) as prs_opened,
        cast(coalesce(item_months.prs_merged, 0) as integer) as prs_merged,
        cast(coalesce(item_months.prs_closed_unmerged, 0) as integer) as prs_closed_unmerged
    from spine
    inner join repositories on spine.repository_key = repositories.repository_key
    inner join months on spine.month_key = months.month_key
    left join commit_months
        on
            spine.repository_key = commit_months.repository_key
            and spine.month_key = commit_months.month_key
    left join item_months
        on
            spine.repository_key = item_months.repository_key
            and spine.month_key = item_months.month_key
    left join backlog_months
        on
            spine.repository_key = backlog_months.repository_key
            and spine.month_key = backlog_months.month_key
)

select * from final
