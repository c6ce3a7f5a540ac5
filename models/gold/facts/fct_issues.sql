with work_items as (
    select * from {{ ref('work_items') }}
    where not is_pull_request and not is_deleted
),

repositories as (
    select * from {{ ref('dim_repository') }}
),

identities as (
    select * from {{ ref('user_identities') }}
),

users as (
    select * from {{ ref('dim_user') }}
),

issue_labels as (
    select * from {{ ref('bridge_issue_label') }}
),

labels as (
    select * from {{ ref('dim_label') }}
),

measured as (
    {{ work_item_measures() }}
),

-- Of several classes the one that matters most to a reader: a bug first.
classes as (
    select
        issue_labels.issue_key,
        min(
            case labels.label_class
                when 'bug' then 1
                when 'feature' then 2
                when 'docs' then 3
                when 'question' then 4
                else 5
            end
        ) as class_rank
    from issue_labels
    inner join labels on issue_labels.label_key = labels.label_key
    group by issue_labels.issue_key
),

final as (
    select
        measured.issue_key,
        measured.repository_key,
        measured.author_user_key,
        measured.closed_by_user_key,
        measured.opened_date_key,
        measured.opened_month_key,
        measured.closed_date_key,
        measured.closed_month_key,
        measured.last_activity_date_key,
        measured.issue_id,
        measured.issue_number,
        measured.title,
        measured.state,
        measured.state_reason,
        measured.author_association,
        measured.milestone_title,
        case classes.class_rank
            when 1 then 'bug'
            when 2 then 'feature'
            when 3 then 'docs'
            when 4 then 'question'
            when 5 then 'other'
            else 'unlabelled'
        end as issue_class,
        measured.is_open,
        measured.is_locked,
        measured.is_open
        and measured.comments_count = 0
        and users.is_human
        and measured.author_association not in ('OWNER', 'MEMBER', 'COLLABORATOR')
            as is_unanswered,
        measured.label_count,
        measured.assignee_count,
        measured.comments_count,
        measured.reactions_total,
        measured.observed_reopen_count,
        measured.days_to_close,
        measured.open_age_days,
        measured.inactive_days,
        measured.opened_at,
        measured.closed_at,
        measured.updated_at
    from measured
    inner join users on measured.author_user_key = users.user_key
    left join classes on measured.issue_key = classes.issue_key
)

select * from final
order by repository_key, issue_number
