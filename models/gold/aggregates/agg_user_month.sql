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

users as (
    select * from {{ ref('dim_user') }}
),

repositories as (
    select * from {{ ref('dim_repository') }}
),

months as (
    select * from {{ ref('dim_month') }}
),

-- One row for each thing done, with a one in the column that counts it.
deeds as (
    select
        contributors.user_key,
        commits.repository_key,
        commits.committed_month_key as month_key,
        case when is_author and not is_merge_commit then 1 else 0 end as commits,
        case when is_author and is_merge_commit then 1 else 0 end as merge_commits,
        case when not is_author and not is_merge_commit then 1 else 0 end as coauthored_commits,
        case when not is_merge_commit then credit_fractional else 0 end as commits_fractional,
        0 as issues_opened,
        0 as prs_opened,
        0 as prs_merged
    from (
        select
            *,
            credit_role = 'author' as is_author
        from contributors
    ) as contributors
    inner join commits on contributors.commit_key = commits.commit_key

    union all

    select
        author_user_key as user_key,
        repository_key,
        opened_month_key as month_key,
        0 as commits,
        0 as merge_commits,
        0 as coauthored_commits,
        0 as commits_fractional,
        1 as issues_opened,
        0 as prs_opened,
        0 as prs_merged
    from issues

    union all

    select
        author_user_key as user_key,
        repository_key,
        opened_month_key as month_key,
        0 as commits,
        0 as merge_commits,
        0 as coauthored_commits,
        0 as commits_fractional,
        0 as issues_opened,
        1 as prs_opened,
        0 as prs_merged
    from pull_requests

    union all

    select
        author_user_key as user_key,
        repository_key,
        merged_month_key as month_key,
        0 as commits,
        0 as merge_commits,
        0 as coauthored_commits,
        0 as commits_fractional,
        0 as issues_opened,
        0 as prs_opened,
        1 as prs_merged
    from pull_requests
    where is_merged
),

summed as (
    select
        user_key,
        repository_key,
        month_key,
        cast(sum(commits) as integer) as commits,
        cast(sum(merge_commits) as integer) as merge_commits,
        cast(sum(coauthored_commits) as integer) as coauthored_commits,
        cast(sum(commits_fractional) as double) as commits_fractional,
        cast(sum(issues_opened) as integer) as issues_opened,
        cast(sum(prs_opened) as integer) as prs_opened,
        cast(sum(prs_merged) as integer) as prs_merged
    from deeds
    group by user_key, repository_key, month_key
),

final as (
    select
        summed.user_key,
        summed.repository_key,
        summed.month_key,
        months.month_start_date,
        users.login,
        users.display_name,
        repositories.full_name,
        users.is_human,
        summed.commits,
        summed.merge_commits,
        summed.commits + summed.merge_commits as commits_total,
        summed.coauthored_commits,
        summed.commits_fractional,
        summed.issues_opened,
        summed.prs_opened,
        summed.prs_merged,
        summed.commits + summed.coauthored_commits + summed.issues_opened + summed.prs_opened
            as contributions
    from summed
    inner join users on summed.user_key = users.user_key
    inner join repositories on summed.repository_key = repositories.repository_key
    inner join months on summed.month_key = months.month_key
)

select * from final
