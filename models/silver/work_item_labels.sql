with work_items as (
    select * from {{ ref('work_items') }}
),

unnested as (
    {{ unnest_list(
        'work_items',
        'labels',
        ['source', 'repository_id', 'number'],
        {
            'id': ['label_id', 'bigint'],
            'name': ['label_name', 'varchar'],
            'color': ['color', 'varchar'],
        },
    ) }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by
                source, repository_id, number, coalesce(cast(label_id as varchar), label_name)
            order by item_index
        ) as mention
    from unnested
    where label_id is not null or label_name is not null
),

final as (
    select
        source,
        repository_id,
        number,
        label_id,
        {{ clean_text('label_name') }} as label_name,
        color
    from ranked
    where mention = 1
)

select * from final
