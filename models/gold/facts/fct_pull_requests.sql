with work_items as (
    select * from {{ ref('work_items') }}
    where is_pull_request and not is_deleted
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
        case
            when merged_at is null then -2
            else {{ event_date_key('merged_at', 'last_plausible_date') }}
        end as merged_date_key,
        case
            when merged_at is null then -2
            else {{ event_month_key('merged_at', 'last_plausible_date') }}
        end as merged_month_key,
        last_activity_date_key,
        issue_id,
        issue_number,
        title,
        state,
        author_association,
        milestone_title,
        case
            when merged_at is not null then 'merged'
            when is_open then 'open'
            else 'closed_unmerged'
        end as outcome,
        is_open,
        merged_at is not null as is_merged,
        is_draft,
        is_locked,
        label_count,
        assignee_count,
        comments_count,
        reactions_total,
        observed_reopen_count,
        days_to_close,
        case
            when
                {{ is_plausible_time('opened_at', 'last_plausible_date') }}
                and {{ is_plausible_time('merged_at', 'last_plausible_date') }}
                then {{ days_between('opened_at', 'merged_at') }}
        end as days_to_merge,
        open_age_days,
        inactive_days,
        opened_at,
        closed_at,
        merged_at,
        updated_at
    from measured
)

select * from final
order by repository_key, issue_number
