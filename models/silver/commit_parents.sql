{#- What a commit's parents are never changes, so only those of newly landed commits are added. -#}
{{
    config(
        materialized='incremental',
        unique_key=['source', 'repository_id', 'sha'],
        on_schema_change='fail',
    )
}}

with commits as (
    select * from {{ ref('commits') }}
    {{ newly_landed() }}
),

unnested as (
    {{ unnest_list(
        'commits', 'parents', ['source', 'repository_id', 'sha', '_run_id'], {'sha': ['parent_sha', 'varchar']}
    ) }}
),

final as (
    select
        source,
        repository_id,
        sha,
        item_index as parent_index,
        parent_sha,
        _run_id
    from unnested
)

select * from final
