with loads as (
    select * from {{ source('bronze', 'loads') }}
),

landed as (
    select * from {{ source('bronze', 'repositories') }}
),

extracted as (
    {{ json_columns(
        'landed',
        'payload',
        ['source', 'repository_id', 'walk_id', 'position', 'row_index', '_run_id', '_loaded_at'],
        {
            'full_name': 'full_name',
            'owner_login': 'owner.login',
            'repository_name': 'name',
            'description': 'description',
            'default_branch': 'default_branch',
            'primary_language': 'language',
            'html_url': 'html_url',
            'is_fork': 'fork',
            'is_archived': 'archived',
            'is_private': 'private',
            'created_at': 'created_at',
        },
    ) }}
),

versions as (
    select
        *,
        row_number() over (
            partition by source, repository_id
            order by walk_id desc, position desc, row_index desc
        ) as version_rank
    from extracted
),

previous_names as (
    select
        versions.source,
        versions.repository_id,
        {{ sorted_text_list('versions.full_name') }} as previous_names
    from versions
    inner join versions as latest
        on
            versions.source = latest.source
            and versions.repository_id = latest.repository_id
            and latest.version_rank = 1
    where versions.full_name <> latest.full_name
    group by versions.source, versions.repository_id
),

-- The repository as the ledger tells it: when it was last synced whole, and which walks hold it.
known as (
    select
        source,
        repository_id,
        min(responded_at) as first_synced_at,
        coalesce(
            max(case when stream = 'syncs' then responded_at end), max(responded_at)
        ) as as_of_at,
        cast({{ dbt.dateadd('day', 1, 'cast(max(responded_at) as date)') }} as date)
            as day_after_newest_response,
        max(
            case
                when stream = 'commits' and walk_kind = 'history' and role = 'closed' then walk_id
            end
        ) as history_walk_id,
        max(
            case when stream = 'issues' and walk_kind = 'full' and role = 'closed' then walk_id end
        ) as full_issue_walk_id
    from loads
    group by source, repository_id
),

closings as (
    select
        *,
        row_number() over (
            partition by source, repository_id, stream order by walk_id desc, position desc
        ) as closing_rank
    from loads
    where role = 'closed'
),

-- The newest head, and how the newest sync ended, as in: commits ok, issues unchanged.
newest as (
    select
        source,
        repository_id,
        max(case when stream = 'commits' then branch end) as branch,
        max(case when stream = 'commits' then head_sha end) as head_sha,
        max(case when stream = 'syncs' then outcome end) as sync_outcome
    from closings
    where closing_rank = 1
    group by source, repository_id
),

final as (
    select
        known.source,
        known.repository_id,
        coalesce({{ clean_text('latest.full_name') }}, cast(known.repository_id as varchar))
            as full_name,
        {{ clean_text('latest.owner_login') }} as owner_login,
        {{ clean_text('latest.repository_name') }} as repository_name,
        previous_names.previous_names,
        {{ clean_text('latest.description') }} as description,
        latest.primary_language,
        coalesce(newest.branch, latest.default_branch) as default_branch,
        newest.head_sha,
        latest.html_url,
        newest.sync_outcome,
        coalesce(try_cast(latest.is_fork as boolean), false) as is_fork,
        coalesce(try_cast(latest.is_archived as boolean), false) as is_archived,
        coalesce(try_cast(latest.is_private as boolean), false) as is_private,
        -- An empty repository has no commit walk, and one with issues disabled no walk of them.
        known.history_walk_id is not null
        or coalesce(newest.sync_outcome like '%commits empty%', false)
            as is_commit_history_complete,
        known.full_issue_walk_id is not null
        or coalesce(newest.sync_outcome like '%issues disabled%', false)
            as is_issue_history_complete,
        known.history_walk_id,
        known.full_issue_walk_id,
        {{ day_of_gold('cast(known.as_of_at as date)') }} as as_of_date,
        -- A sync that broke off may have landed events later than the last complete one.
        {{ day_of_gold('known.day_after_newest_response') }} as last_plausible_date,
        known.as_of_at,
        known.first_synced_at,
        {{ utc_timestamp('latest.created_at') }} as created_at,
        latest._run_id,
        latest._loaded_at
    from known
    left join versions as latest
        on
            known.source = latest.source
            and known.repository_id = latest.repository_id
            and latest.version_rank = 1
    left join previous_names
        on
            known.source = previous_names.source
            and known.repository_id = previous_names.repository_id
    left join newest
        on known.source = newest.source and known.repository_id = newest.repository_id
)

select * from final
