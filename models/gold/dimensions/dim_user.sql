with identities as (
    select * from {{ ref('user_identities') }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by user_key
            order by
                case when identity = resolved_identity then 0 else 1 end asc,
                sightings desc,
                identity asc
        ) as identity_rank,
        row_number() over (
            partition by user_key
            order by
                case
                    when coalesce(email_domain, '') in ('', 'users.noreply.github.com') then 1
                    else 0
                end asc,
                sightings desc,
                identity asc
        ) as email_rank
    from identities
    where user_key > 0
),

users as (
    select
        user_key,
        max(
            case
                when resolved_identity like 'account:%' then try_cast(
                    substr(resolved_identity, 9) as bigint
                )
            end
        ) as github_user_id,
        {{ without_email('max(user_login)') }} as login,
        max(user_display_name) as display_name,
        max(team) as team,
        max(case when email_rank = 1 then email_domain end) as email_domain,
        max(actor_type) as actor_type,
        max(actor_rule) as actor_rule,
        max(case when identity_rank = 1 then identity_method end) as identity_method,
        min(identity_confidence) as identity_confidence,
        cast(count(*) as integer) as alias_count,
        max(case when has_account then 1 else 0 end) = 1 as has_account,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from ranked
    group by user_key
),

special_members as (
    select
        special.user_key,
        special.login,
        special.display_name,
        special.actor_type,
        min(identities.first_seen_at) as first_seen_at,
        max(identities.last_seen_at) as last_seen_at
    from (
        values
        (-1, cast(null as varchar), 'unknown', 'unknown'),
        (-2, 'ghost', 'deleted accounts', 'ghost'),
        (-3, 'web-flow', 'GitHub web interface', 'system')
    ) as special (user_key, login, display_name, actor_type)
    left join identities on special.user_key = identities.user_key
    group by special.user_key, special.login, special.display_name, special.actor_type
),

final as (
    select
        user_key,
        github_user_id,
        login,
        coalesce(display_name, login, 'no name') as display_name,
        team,
        email_domain,
        actor_type,
        actor_rule,
        identity_method,
        identity_confidence,
        alias_count,
        actor_type = 'human' as is_human,
        has_account as has_github_account,
        first_seen_at,
        last_seen_at
    from users

    union all

    select
        cast(user_key as bigint) as user_key,
        cast(null as bigint) as github_user_id,
        login,
        display_name,
        cast(null as varchar) as team,
        cast(null as varchar) as email_domain,
        actor_type,
        'special member' as actor_rule,
        'special member' as identity_method,
        cast(1 as double) as identity_confidence,
        0 as alias_count,
        false as is_human,
        login is not null as has_github_account,
        first_seen_at,
        last_seen_at
    from special_members
)

select * from final
order by user_key
