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

measured as (
    {{ work_item_measures() }}
),

final as (
    select
        issue_key,
        repository_key,
        author_user_key,
        closed_by_user_key,
        opened_date_key,
        opened_month_key,
        closed_date_key,
        closed_month_key,
        last_activity_date_key,
        issue_id,
        issue_number,
        title,
        state,
        state_reason,
        author_association,
        milestone_title,
        is_open,
        is_locked,
        label_count,
        assignee_count,
        comments_count,
        reactions_total,
        observed_reopen_count,
        days_to_close,
        open_age_days,
        inactive_days,
        opened_at,
        closed_at,
        updated_at
    from measured
)

select * from final
