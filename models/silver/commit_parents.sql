{#-
    Only the parents of newly landed commits are added. A commit that came again has those it came with last: its
    old ones go first, since by its new rows alone one that has no parents left could not be told.
-#}
{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ forget_newly_landed(ref('commits'), ['source', 'repository_id', 'sha']) }}",
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
