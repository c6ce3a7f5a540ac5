{{
    config(
        materialized='incremental',
        unique_key=['source', 'repository_id', 'sha'],
        on_schema_change='fail',
    )
}}

{%- set attributes = [
    'source', 'repository_id', 'sha', 'author_id', 'author_login', 'author_type', 'author_name',
    'author_email', 'committer_id', 'committer_login', 'committer_type', 'committer_name',
    'committer_email', 'subject', 'parents', 'co_author_trailers', 'is_verified', 'parent_count',
    'comment_count', 'authored_at', 'committed_at', 'left_branch',
] %}
{%- set lineage = ['walk_id', 'position', 'row_index', '_run_id', '_loaded_at'] %}
{%- set columns = attributes + lineage %}

with landed as (
    select * from {{ source('bronze', 'commits') }}
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
            'source', 'repository_id', 'sha', 'walk_id', 'position', 'row_index', 'is_removal',
            '_run_id', '_loaded_at',
        ],
        {
            'author_id': 'author.id',
            'author_login': 'author.login',
            'author_type': 'author.type',
            'author_name': 'commit.author.name',
            'author_email': 'commit.author.email',
            'authored_at': 'commit.author.date',
            'committer_id': 'committer.id',
            'committer_login': 'committer.login',
            'committer_type': 'committer.type',
            'committer_name': 'commit.committer.name',
            'committer_email': 'commit.committer.email',
            'committed_at': 'commit.committer.date',
            'message': 'commit.message',
            'comment_count': 'commit.comment_count',
            'is_verified': 'commit.verification.verified',
            'parents': 'parents',
        },
    ) }}
),

listed as (
    select
        *,
        {{ json_list('parents', {'sha': 'varchar'}) }} as parent_list
    from extracted
    where sha is not null
),

typed as (
    select
        source,
        repository_id,
        sha,
        author_type,
        committer_type,
        is_removal as left_branch,
        walk_id,
        position,
        row_index,
        _run_id,
        _loaded_at,
        try_cast(author_id as bigint) as author_id,
        {{ clean_text('author_login') }} as author_login,
        {{ clean_text('author_name') }} as author_name,
        lower({{ clean_text('author_email') }}) as author_email,
        try_cast(committer_id as bigint) as committer_id,
        {{ clean_text('committer_login') }} as committer_login,
        {{ clean_text('committer_name') }} as committer_name,
        lower({{ clean_text('committer_email') }}) as committer_email,
        left({{ first_line('message') }}, 500) as subject,
        parent_list as parents,
        {{ list_length('parent_list') }} as parent_count,
        {{ co_author_trailers('message') }} as co_author_trailers,
        coalesce(try_cast(is_verified as boolean), false) as is_verified,
        coalesce(try_cast(comment_count as integer), 0) as comment_count,
        {{ utc_timestamp('authored_at') }} as authored_at,
        {{ utc_timestamp('committed_at') }} as committed_at
    from listed
),

-- Beside the new rows only those stored ones matter whose commit came again or whose flag may turn.
versions as (
    select {{ columns | join(', ') }}
    from typed
    {%- if is_incremental() %}

    union all

    select stored.{{ columns | join(', stored.') }}
    from {{ this }} as stored
    inner join repositories
        on
            stored.source = repositories.source
            and stored.repository_id = repositories.repository_id
    left join (select distinct source, repository_id, sha from typed) as again
        on
            stored.source = again.source
            and stored.repository_id = again.repository_id
            and stored.sha = again.sha
    where
        again.sha is not null
        or stored.is_on_default_branch <> ({{ is_on_branch('stored', 'repositories') }})
    {%- endif %}
),

ranked as (
    select
        *,
        row_number() over (
            partition by source, repository_id, sha
            order by walk_id desc, position desc, row_index desc
        ) as version_rank
    from versions
),

final as (
    select
        ranked.{{ attributes | join(',\n        ranked.') }},
        {{ is_on_branch('ranked', 'repositories') }} as is_on_default_branch,
        ranked.{{ lineage | join(',\n        ranked.') }}
    from ranked
    inner join repositories
        on
            ranked.source = repositories.source
            and ranked.repository_id = repositories.repository_id
    where ranked.version_rank = 1
)

select * from final
