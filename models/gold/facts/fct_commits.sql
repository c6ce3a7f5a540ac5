{{ config(post_hook=key_comes_last('commit_key')) }}

{%- set commit_types = [
    'feat', 'fix', 'docs', 'chore', 'refactor', 'test', 'ci', 'build', 'perf', 'style', 'revert',
] %}

with commits as (
    select * from {{ ref('commits') }}
    where is_on_default_branch
),

repositories as (
    select * from {{ ref('dim_repository') }}
),

identities as (
    select * from {{ ref('user_identities') }}
),

contributors as (
    select * from {{ ref('bridge_commit_contributor') }}
),

users as (
    select * from {{ ref('dim_user') }}
),

credits as (
    select
        contributors.commit_key,
        max(case when contributors.credit_role = 'author' then contributors.user_key end)
            as author_user_key,
        cast(sum(case when contributors.credit_role = 'co_author' then 1 else 0 end) as integer)
            as co_author_count,
        cast(
            sum(
                case
                    when contributors.credit_role = 'co_author' and users.actor_type = 'ai_agent'
                        then 1
                    else 0
                end
            ) as integer
        ) as ai_co_author_count
    from contributors
    inner join users on contributors.user_key = users.user_key
    group by contributors.commit_key
),

keyed as (
    select
        commits.*,
        repositories.repository_key,
        repositories.last_plausible_date,
        {{ surrogate_key(['commits.source', 'commits.repository_id', 'commits.sha']) }}
            as commit_key,
        {{ identity_of(
            'commits.committer_id',
            'commits.committer_login',
            'commits.committer_email',
            'commits.committer_name',
        ) }} as committer_identity,
        lower(
            trim(
                replace(split_part(split_part(commits.subject, ':', 1), '(', 1), '!', '')
            )
        ) as subject_prefix
    from commits
    inner join repositories
        on
            commits.source = repositories.source
            and commits.repository_id = repositories.repository_id
),

final as (
    select
        keyed.commit_key,
        keyed.repository_key,
        credits.author_user_key,
        coalesce(overrides.user_key, identities.user_key, -1) as committer_user_key,
        {{ event_date_key('keyed.committed_at', 'keyed.last_plausible_date') }}
            as committed_date_key,
        {{ event_month_key('keyed.committed_at', 'keyed.last_plausible_date') }}
            as committed_month_key,
        {{ event_date_key('keyed.authored_at', 'keyed.last_plausible_date') }}
            as authored_date_key,
        {{ event_month_key('keyed.authored_at', 'keyed.last_plausible_date') }}
            as authored_month_key,
        keyed.sha as commit_sha,
        keyed.subject,
        case
            when keyed.subject like 'Revert "%' then 'revert'
            when
                keyed.subject like '%:%'
                and keyed.subject_prefix in (
                    {% for commit_type in commit_types -%}
                    '{{ commit_type }}'{{ "," if not loop.last }}
                    {% endfor -%}
                )
                then keyed.subject_prefix
            else 'other'
        end as commit_type,
        case
            when keyed.committed_at is null then 'missing'
            when keyed.committed_at < cast('1990-01-01' as timestamp) then 'before_1990'
            when
                not {{ is_plausible_time('keyed.committed_at', 'keyed.last_plausible_date') }}
                then 'future'
            when keyed.authored_at > keyed.committed_at then 'author_after_committer'
            else 'ok'
        end as date_quality,
        keyed.parent_count > 1 as is_merge_commit,
        keyed.parent_count = 0 as is_root_commit,
        coalesce(
            keyed.subject like 'Revert "%'
            or (keyed.subject like '%:%' and keyed.subject_prefix = 'revert'),
            false
        ) as is_revert,
        coalesce(overrides.user_key, identities.user_key, -1) = -3 as is_web_flow,
        keyed.is_verified,
        keyed.parent_count,
        keyed.comment_count,
        credits.co_author_count,
        credits.ai_co_author_count,
        case
            when
                {{ is_plausible_time('keyed.authored_at', 'keyed.last_plausible_date') }}
                and {{ is_plausible_time('keyed.committed_at', 'keyed.last_plausible_date') }}
                then {{ days_between('keyed.authored_at', 'keyed.committed_at') }}
        end as authored_lag_days,
        keyed.committed_at,
        keyed.authored_at
    from keyed
    inner join credits on keyed.commit_key = credits.commit_key
    left join identities
        on keyed.source = identities.source and keyed.committer_identity = identities.identity
    left join identities as overrides
        on
            keyed.source = overrides.source
            and keyed.committer_email = overrides.email
            and overrides.overrides_account
)

select * from final
order by repository_key, committed_at, commit_key
