with repositories as (
    select * from {{ ref('repositories') }}
),

commits as (
    select * from {{ ref('commits') }}
),

work_items as (
    select * from {{ ref('work_items') }}
),

commit_spans as (
    select
        commits.source,
        commits.repository_id,
        min(commits.committed_at) as first_commit_at,
        max(commits.committed_at) as last_commit_at
    from commits
    inner join repositories
        on
            commits.source = repositories.source
            and commits.repository_id = repositories.repository_id
    where
        commits.is_on_default_branch
        and {{ is_plausible_time('commits.committed_at', 'repositories.last_plausible_date') }}
    group by commits.source, commits.repository_id
),

item_spans as (
    select
        work_items.source,
        work_items.repository_id,
        min(work_items.opened_at) as first_issue_at,
        max(work_items.opened_at) as last_issue_at
    from work_items
    inner join repositories
        on
            work_items.source = repositories.source
            and work_items.repository_id = repositories.repository_id
    where
        not work_items.is_deleted
        and {{ is_plausible_time('work_items.opened_at', 'repositories.last_plausible_date') }}
    group by work_items.source, work_items.repository_id
),

final as (
    select
        {{ surrogate_key(['repositories.source', 'repositories.repository_id']) }}
            as repository_key,
        repositories.source,
        repositories.repository_id,
        repositories.full_name,
        repositories.owner_login,
        repositories.repository_name,
        repositories.previous_names,
        repositories.description,
        repositories.primary_language,
        repositories.default_branch,
        repositories.html_url,
        repositories.is_fork,
        repositories.is_archived,
        repositories.is_private,
        repositories.is_commit_history_complete,
        repositories.is_issue_history_complete,
        repositories.as_of_date,
        repositories.last_plausible_date,
        repositories.as_of_at,
        repositories.created_at,
        commit_spans.first_commit_at,
        commit_spans.last_commit_at,
        item_spans.first_issue_at,
        item_spans.last_issue_at
    from repositories
    left join commit_spans
        on
            repositories.source = commit_spans.source
            and repositories.repository_id = commit_spans.repository_id
    left join item_spans
        on
            repositories.source = item_spans.source
            and repositories.repository_id = item_spans.repository_id
)

select * from final
order by full_name, repository_key
