with work_items as (
    select * from {{ ref('work_items') }}
),

unnested as (
    {{ unnest_list(
        'work_items',
        'assignees',
        ['source', 'repository_id', 'number'],
        {
            'id': ['user_id', 'bigint'],
            'login': ['user_login', 'varchar'],
            'type': ['user_type', 'varchar'],
        },
    ) }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by source, repository_id, number, user_id
            order by item_index
        ) as mention
    from unnested
    where user_id is not null
),

final as (
    select
        source,
        repository_id,
        number,
        user_id,
        {{ clean_text('user_login') }} as user_login,
        user_type
    from ranked
    where mention = 1
)

select * from final
