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

named as (
    select
        source,
        repository_id,
        number,
        label_id,
        color,
        item_index,
        coalesce({{ clean_text('label_name') }}, cast(label_id as varchar)) as label_name
    from unnested
),

keyed as (
    select
        named.*,
        {{ label_key('named') }} as label_key
    from named
    where named.label_name is not null
),

ranked as (
    select
        *,
        row_number() over (
            partition by source, repository_id, number, label_key
            order by item_index
        ) as mention
    from keyed
),

final as (
    select
        source,
        repository_id,
        number,
        label_key,
        label_id,
        label_name,
        color
    from ranked
    where mention = 1
)

select * from final
