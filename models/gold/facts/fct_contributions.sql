{{ config(post_hook=key_comes_last('contribution_key')) }}

with commits as (
    select * from {{ ref('fct_commits') }}
),

contributors as (
    select * from {{ ref('bridge_commit_contributor') }}
),

issues as (
    select * from {{ ref('fct_issues') }}
),

pull_requests as (
    select * from {{ ref('fct_pull_requests') }}
),

contributions as (
    select
        contributors.user_key,
        commits.repository_key,
        commits.committed_date_key as date_key,
        commits.committed_month_key as month_key,
        contributors.commit_key as object_key,
        case
            when commits.is_merge_commit then 'merge_authored'
            when contributors.credit_role = 'author' then 'commit_authored'
            else 'commit_coauthored'
        end as action,
        case when commits.is_merge_commit then 0 else contributors.credit_fractional end
            as commit_share,
        commits.committed_at as occurred_at
    from contributors
    inner join commits on contributors.commit_key = commits.commit_key
    where contributors.credit_role = 'author' or not commits.is_merge_commit

    union all

    select
        author_user_key as user_key,
        repository_key,
        opened_date_key as date_key,
        opened_month_key as month_key,
        issue_key as object_key,
        'issue_opened' as action,
        0 as commit_share,
        opened_at as occurred_at
    from issues

    union all

    select
        author_user_key as user_key,
        repository_key,
        opened_date_key as date_key,
        opened_month_key as month_key,
        issue_key as object_key,
        'pr_opened' as action,
        0 as commit_share,
        opened_at as occurred_at
    from pull_requests

    union all

    select
        author_user_key as user_key,
        repository_key,
        merged_date_key as date_key,
        merged_month_key as month_key,
        issue_key as object_key,
        'pr_merged_as_author' as action,
        0 as commit_share,
        merged_at as occurred_at
    from pull_requests
    where is_merged
),

final as (
    select
        {{ surrogate_key(['object_key', 'action', 'user_key']) }} as contribution_key,
        user_key,
        repository_key,
        date_key,
        month_key,
        object_key,
        action,
        -- Merging is somebody's act on another's work, and being merged is no act of the author's.
        action not in ('merge_authored', 'pr_merged_as_author') as is_activity,
        cast(commit_share as double) as commit_share,
        occurred_at
    from contributions
)

select * from final
order by repository_key, occurred_at, contribution_key
