with commits as (
    select * from {{ ref('commits') }}
),

unnested as (
    {{ unnest_list(
        'commits', 'parents', ['source', 'repository_id', 'sha'], {'sha': ['parent_sha', 'varchar']}
    ) }}
),

final as (
    select
        source,
        repository_id,
        sha,
        item_index as parent_index,
        parent_sha
    from unnested
)

select * from final
