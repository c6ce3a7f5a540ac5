with work_item_assignees as (
    select * from {{ ref('work_item_assignees') }}
),

work_items as (
    select * from {{ ref('work_items') }}
),

identities as (
    select * from {{ ref('user_identities') }}
),

-- Two accounts that people.csv joined are one assignee.
final as (
    select distinct
        {{ surrogate_key(['work_items.source', 'work_items.repository_id', 'work_items.number']) }}
            as issue_key,
        coalesce(identities.user_key, -1) as user_key
    from work_item_assignees
    inner join work_items
        on
            work_item_assignees.source = work_items.source
            and work_item_assignees.repository_id = work_items.repository_id
            and work_item_assignees.number = work_items.number
    left join identities
        on
            work_item_assignees.source = identities.source
            and {{ account_identity_of(
                'work_item_assignees.user_id', 'work_item_assignees.user_login'
            ) }} = identities.identity
    where not work_items.is_deleted
)

select * from final
order by issue_key, user_key
