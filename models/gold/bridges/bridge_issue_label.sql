with work_item_labels as (
    select * from {{ ref('work_item_labels') }}
),

work_items as (
    select * from {{ ref('work_items') }}
),

final as (
    select
        {{ surrogate_key(['work_items.source', 'work_items.repository_id', 'work_items.number']) }}
            as issue_key,
        work_item_labels.label_key
    from work_item_labels
    inner join work_items
        on
            work_item_labels.source = work_items.source
            and work_item_labels.repository_id = work_items.repository_id
            and work_item_labels.number = work_items.number
    where not work_items.is_deleted
)

select * from final
order by issue_key, label_key
