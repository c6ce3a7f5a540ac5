{{
    config(
        materialized='incremental',
        unique_key=['source', 'repository_id', 'number'],
        on_schema_change='fail',
    )
}}

{%- set attributes = [
    'source', 'repository_id', 'number', 'item_id', 'author_id', 'author_login', 'author_type',
    'closed_by_id', 'closed_by_login', 'closed_by_type', 'title', 'state', 'state_reason',
    'author_association', 'milestone_title', 'labels', 'assignees', 'is_pull_request', 'is_draft',
    'is_locked', 'label_count', 'assignee_count', 'comments_count', 'reactions_total', 'opened_at',
    'closed_at', 'merged_at', 'updated_at',
] %}
{%- set lineage = ['walk_id', 'position', 'row_index', '_run_id', '_loaded_at'] %}
{%- set columns = attributes + lineage %}

with landed as (
    select * from {{ source('bronze', 'issues') }}
    {{ newly_landed() }}
),

repositories as (
    select * from {{ ref('repositories') }}
),

extracted as (
    {{ json_columns(
        'landed',
        'payload',
        [
            'source', 'repository_id', 'number', 'walk_id', 'position', 'row_index', '_run_id',
            '_loaded_at',
        ],
        {
            'item_id': 'id',
            'author_id': 'user.id',
            'author_login': 'user.login',
            'author_type': 'user.type',
            'closed_by_id': 'closed_by.id',
            'closed_by_login': 'closed_by.login',
            'closed_by_type': 'closed_by.type',
            'title': 'title',
            'state': 'state',
            'state_reason': 'state_reason',
            'author_association': 'author_association',
            'milestone_title': 'milestone.title',
            'labels': 'labels',
            'assignees': 'assignees',
            'pull_request': 'pull_request',
            'is_draft': 'draft',
            'is_locked': 'locked',
            'comments_count': 'comments',
            'reactions_total': 'reactions.total_count',
            'opened_at': 'created_at',
            'closed_at': 'closed_at',
            'merged_at': 'pull_request.merged_at',
            'updated_at': 'updated_at',
        },
    ) }}
),

listed as (
    select
        *,
        {{ json_list('labels', {'id': 'bigint', 'name': 'varchar', 'color': 'varchar'}) }}
            as label_list,
        {{ json_list('assignees', {'id': 'bigint', 'login': 'varchar', 'type': 'varchar'}) }}
            as assignee_list
    from extracted
    where number is not null
),

typed as (
    select
        source,
        repository_id,
        number,
        author_type,
        closed_by_type,
        state_reason,
        author_association,
        walk_id,
        position,
        row_index,
        _run_id,
        _loaded_at,
        try_cast(item_id as bigint) as item_id,
        try_cast(author_id as bigint) as author_id,
        {{ clean_text('author_login') }} as author_login,
        try_cast(closed_by_id as bigint) as closed_by_id,
        {{ clean_text('closed_by_login') }} as closed_by_login,
        {{ clean_text('title') }} as title,
        {{ clean_text('milestone_title') }} as milestone_title,
        label_list as labels,
        assignee_list as assignees,
        {{ list_length('label_list') }} as label_count,
        {{ list_length('assignee_list') }} as assignee_count,
        case
            when {{ utc_timestamp('merged_at') }} is not null then 'closed'
            when state in ('open', 'closed') then state
            when closed_at is not null then 'closed'
            else 'open'
        end as state,
        -- The key's presence tells a pull request from an issue; an empty object is presence too.
        pull_request is not null as is_pull_request,
        coalesce(try_cast(is_draft as boolean), false) as is_draft,
        coalesce(try_cast(is_locked as boolean), false) as is_locked,
        coalesce(try_cast(comments_count as integer), 0) as comments_count,
        coalesce(try_cast(reactions_total as integer), 0) as reactions_total,
        {{ utc_timestamp('opened_at') }} as opened_at,
        {{ utc_timestamp('closed_at') }} as closed_at,
        {{ utc_timestamp('merged_at') }} as merged_at,
        {{ utc_timestamp('updated_at') }} as updated_at
    from listed
),

-- Beside the new rows only those stored ones matter whose item came again or whose flag may turn.
versions as (
    select
        {{ columns | join(', ') }},
        walk_id as last_walk_id,
        0 as earlier_reopenings
    from typed
    {%- if is_incremental() %}

    union all

    select
        stored.{{ columns | join(', stored.') }},
        stored.last_walk_id,
        stored.observed_reopen_count as earlier_reopenings
    from {{ this }} as stored
    inner join repositories
        on
            stored.source = repositories.source
            and stored.repository_id = repositories.repository_id
    left join (select distinct source, repository_id, number from typed) as again
        on
            stored.source = again.source
            and stored.repository_id = again.repository_id
            and stored.number = again.number
    where
        again.number is not null
        or stored.is_deleted <> ({{ is_gone('stored.last_walk_id', 'repositories') }})
    {%- endif %}
),

ordered as (
    select
        *,
        coalesce(updated_at, opened_at, cast('0001-01-01' as timestamp)) as version_at
    from versions
),

observed as (
    select
        *,
        lag(state) over (
            partition by source, repository_id, number
            order by version_at, walk_id, position, row_index
        ) as previous_state
    from ordered
),

ranked as (
    select
        *,
        row_number() over (
            partition by source, repository_id, number
            order by version_at desc, walk_id desc, position desc, row_index desc
        ) as version_rank,
        max(last_walk_id) over (partition by source, repository_id, number) as newest_walk_id,
        sum(
            earlier_reopenings
            + case when previous_state = 'closed' and state = 'open' then 1 else 0 end
        ) over (partition by source, repository_id, number) as reopenings
    from observed
),

final as (
    select
        ranked.{{ attributes | join(',\n        ranked.') }},
        {{ is_gone('ranked.newest_walk_id', 'repositories') }} as is_deleted,
        cast(ranked.reopenings as integer) as observed_reopen_count,
        ranked.newest_walk_id as last_walk_id,
        ranked.{{ lineage | join(',\n        ranked.') }}
    from ranked
    inner join repositories
        on
            ranked.source = repositories.source
            and ranked.repository_id = repositories.repository_id
    where ranked.version_rank = 1
)

select * from final
