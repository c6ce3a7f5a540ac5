-- Every way in which somebody signs their work, and the user that each belongs to.
-- How far the rules and people.csv are followed from one identity to the next:
{%- set most_hops = 12 %}

with recursive repositories as (
    select * from {{ ref('repositories') }}
),

commits as (
    select * from {{ ref('commits') }}
),

commit_coauthors as (
    select * from {{ ref('commit_coauthors') }}
),

work_items as (
    select * from {{ ref('work_items') }}
),

work_item_assignees as (
    select * from {{ ref('work_item_assignees') }}
),

actor_patterns as (
    select * from {{ ref('actor_patterns') }}
),

people as (
    select distinct
        action,
        trim(identity) as identity,
        trim(value) as value
    from {{ source('bronze', 'people') }}
),

dated_commits as (
    select
        commits.*,
        case
            when {{ is_plausible_time('commits.committed_at', 'repositories.last_plausible_date') }}
                then commits.committed_at
        end as seen_at
    from commits
    inner join repositories
        on
            commits.source = repositories.source
            and commits.repository_id = repositories.repository_id
),

dated_work_items as (
    select
        work_items.*,
        case
            when {{ is_plausible_time('work_items.opened_at', 'repositories.last_plausible_date') }}
                then work_items.opened_at
        end as seen_at
    from work_items
    inner join repositories
        on
            work_items.source = repositories.source
            and work_items.repository_id = repositories.repository_id
),

sightings as (
    select
        source,
        author_id as account_id,
        author_login as login,
        author_type as account_type,
        author_email as email,
        author_name as name,
        seen_at
    from dated_commits

    union all

    select
        source,
        committer_id as account_id,
        committer_login as login,
        committer_type as account_type,
        committer_email as email,
        committer_name as name,
        seen_at
    from dated_commits

    union all

    select
        commit_coauthors.source,
        null as account_id,
        null as login,
        null as account_type,
        commit_coauthors.co_author_email as email,
        commit_coauthors.co_author_name as name,
        dated_commits.seen_at
    from commit_coauthors
    inner join dated_commits
        on
            commit_coauthors.source = dated_commits.source
            and commit_coauthors.repository_id = dated_commits.repository_id
            and commit_coauthors.sha = dated_commits.sha

    union all

    select
        source,
        author_id as account_id,
        author_login as login,
        author_type as account_type,
        null as email,
        null as name,
        seen_at
    from dated_work_items

    union all

    select
        source,
        closed_by_id as account_id,
        closed_by_login as login,
        closed_by_type as account_type,
        null as email,
        null as name,
        null as seen_at
    from dated_work_items

    union all

    select
        source,
        user_id as account_id,
        user_login as login,
        user_type as account_type,
        null as email,
        null as name,
        null as seen_at
    from work_item_assignees
),

signatures as (
    select
        source,
        account_id,
        login,
        account_type,
        email,
        name,
        {{ identity_of('account_id', 'login', 'email', 'name') }} as identity,
        count(*) as sightings,
        min(seen_at) as first_seen_at,
        max(seen_at) as last_seen_at
    from sightings
    group by source, account_id, login, account_type, email, name
),

identified as (
    select * from signatures
    where identity is not null
),

-- What an account or an address is called: the newest login, the name used most.
ranked as (
    select
        *,
        row_number() over (
            partition by source, identity
            order by
                case when login is null then 1 else 0 end asc,
                last_seen_at desc nulls last,
                login asc
        ) as login_rank,
        row_number() over (
            partition by source, identity
            order by
                case when name is null then 1 else 0 end asc,
                sightings desc,
                name asc,
                email asc
        ) as name_rank
    from identified
),

observed as (
    select
        source,
        identity,
        max(account_id) as account_id,
        max(case when login_rank = 1 then login end) as login,
        max(case when account_type = 'Bot' then 1 else 0 end) = 1 as is_bot_account,
        max(case when name_rank = 1 then email end) as email,
        max(case when name_rank = 1 then name end) as name,
        cast(sum(sightings) as bigint) as sightings,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from ranked
    group by source, identity
),

account_logins as (
    select
        source,
        lower(login) as login,
        min(identity) as identity
    from identified
    where account_id is not null and login is not null
    group by source, lower(login)
    having count(distinct account_id) = 1
),

sources as (
    select distinct source from repositories
),

-- people.csv names an account by login or id, or an e-mail address: here as identities.
named as (
    select
        sources.source,
        people.action,
        people.value,
        {{ people_identity('people.identity', 'subject_logins.identity') }} as identity,
        case
            when people.action = 'merge'
                then {{ people_identity('people.value', 'target_logins.identity') }}
        end as merged_into
    from people
    cross join sources
    left join account_logins as subject_logins
        on
            sources.source = subject_logins.source
            and lower(people.identity) = subject_logins.login
    left join account_logins as target_logins
        on
            sources.source = target_logins.source
            and lower(people.value) = target_logins.login
    where people.identity <> ''
),

people_merges as (
    select
        source,
        identity,
        min(merged_into) as merged_into
    from named
    where merged_into is not null
    group by source, identity
),

people_splits as (
    select distinct
        source,
        identity
    from named
    where action = 'split'
),

nodes as (
    select
        source,
        identity
    from observed
    union distinct
    select
        source,
        identity
    from named
    union distinct
    select
        source,
        merged_into as identity
    from people_merges
),

described as (
    select
        nodes.source,
        nodes.identity,
        split_part(nodes.identity, ':', 1) as identity_kind,
        observed.login,
        observed.name,
        coalesce(observed.is_bot_account, false) as is_bot_account,
        coalesce(observed.sightings, 0) as sightings,
        observed.first_seen_at,
        observed.last_seen_at,
        case when nodes.identity like 'email:%' then substr(nodes.identity, 7) end as email,
        case
            when nodes.identity like 'account:%' then cast(substr(nodes.identity, 9) as bigint)
        end as github_user_id,
        nullif(split_part(observed.email, '@', 2), '') as email_domain
    from nodes
    left join observed
        on nodes.source = observed.source and nodes.identity = observed.identity
),

-- An address that came with exactly one account is that account's, also where none is linked.
account_emails as (
    select
        identified.source,
        identified.email,
        min(identified.identity) as identity
    from identified
    where
        identified.account_id is not null
        and {{ is_personal_email('identified.email') }}
        and lower(coalesce(identified.login, '')) <> 'web-flow'
    group by identified.source, identified.email
    having count(distinct identified.account_id) = 1
),

noreply as (
    select
        source,
        identity,
        {{ noreply_account_id('email') }} as account_id,
        {{ noreply_login('email') }} as login
    from described
    where email like '%@users.noreply.github.com'
),

ruled as (
    select
        described.*,
        noreply.login as noreply_login,
        case
            when people_merges.merged_into is not null then people_merges.merged_into
            when people_splits.identity is not null then described.identity
            when noreply.account_id is not null
                then concat('account:', cast(noreply.account_id as {{ dbt.type_string() }}))
            when noreply_logins.identity is not null then noreply_logins.identity
            when account_emails.identity is not null then account_emails.identity
            when noreply.login is not null then concat('login:', noreply.login)
            when login_logins.identity is not null then login_logins.identity
            else described.identity
        end as parent_identity,
        case
            when coalesce(people_merges.identity, people_splits.identity) is not null
                then 'people.csv'
            when described.identity_kind = 'account' then 'account id'
            when noreply.account_id is not null then 'noreply id'
            when noreply_logins.identity is not null then 'noreply login'
            when account_emails.identity is not null then 'e-mail of one account'
            when noreply.login is not null then 'noreply login'
            when described.identity_kind = 'login' then 'login'
            when described.identity_kind = 'email' then 'e-mail'
            else 'name'
        end as identity_method,
        coalesce(people_merges.identity, people_splits.identity) is not null as is_overridden
    from described
    left join people_merges
        on described.source = people_merges.source and described.identity = people_merges.identity
    left join people_splits
        on described.source = people_splits.source and described.identity = people_splits.identity
    left join noreply
        on described.source = noreply.source and described.identity = noreply.identity
    left join account_logins as noreply_logins
        on noreply.source = noreply_logins.source and noreply.login = noreply_logins.login
    left join account_logins as login_logins
        on
            described.source = login_logins.source
            and described.identity = concat('login:', login_logins.login)
    left join account_emails
        on described.source = account_emails.source and described.email = account_emails.email
),

hops as (
    select
        source,
        identity,
        identity as reached,
        0 as hop
    from ruled

    union all

    select
        hops.source,
        hops.identity,
        ruled.parent_identity as reached,
        hops.hop + 1 as hop
    from hops
    inner join ruled
        on hops.source = ruled.source and hops.reached = ruled.identity
    where ruled.parent_identity <> ruled.identity and hops.hop < {{ most_hops }}
),

-- The end of the way. A circle has none: its first member in the alphabet stands for all.
ends as (
    select
        source,
        identity,
        max(hop) as last_hop
    from hops
    group by source, identity
),

roots as (
    select
        hops.source,
        hops.identity,
        min(hops.reached) as root_identity
    from hops
    inner join ends
        on hops.source = ends.source and hops.identity = ends.identity
    where
        hops.hop = ends.last_hop
        or (ends.last_hop = {{ most_hops }} and hops.hop >= {{ most_hops // 2 }})
    group by hops.source, hops.identity
),

rooted as (
    select
        ruled.*,
        roots.root_identity,
        roots.root_identity like 'account:%' or roots.root_identity like 'login:%' as has_account,
        coalesce(ruled.login, ruled.noreply_login) as any_login,
        -- What people.csv merged into an account says nothing of the account: a person who takes in
        -- the bot they run stays a person.
        ruled.identity = roots.root_identity
        or (ruled.parent_identity = roots.root_identity and not ruled.is_overridden)
            as tells_of_root
    from ruled
    inner join roots
        on ruled.source = roots.source and ruled.identity = roots.identity
),

matched as (
    select
        rooted.source,
        rooted.root_identity,
        min(case when patterns.actor_type = 'ai_agent' then patterns.pattern end) as ai_pattern,
        min(case when patterns.actor_type = 'bot' then patterns.pattern end) as bot_pattern
    from rooted
    inner join actor_patterns as patterns
        on
            (
                rooted.has_account
                and patterns.attribute = 'login'
                and lower(rooted.any_login) like patterns.pattern
            )
            or (
                not rooted.has_account
                and patterns.attribute = 'email'
                and rooted.email like patterns.pattern
            )
            or (
                not rooted.has_account
                and patterns.attribute = 'name'
                and lower(rooted.name) like patterns.pattern
            )
    where rooted.tells_of_root
    group by rooted.source, rooted.root_identity
),

wishes as (
    select
        named.source,
        roots.root_identity,
        max(case when named.action in ('bot', 'not_bot') then named.action end) as bot_wish,
        max(case when named.action = 'name' then nullif(named.value, '') end) as display_name,
        max(case when named.action = 'team' then nullif(named.value, '') end) as team
    from named
    inner join roots
        on named.source = roots.source and named.identity = roots.identity
    group by named.source, roots.root_identity
),

-- What a user is called: by the account it ends in, else by any login, else by the name used most.
ranked_names as (
    select
        *,
        row_number() over (
            partition by source, root_identity
            order by
                case when any_login is null then 1 else 0 end asc,
                case
                    when identity = root_identity then 0
                    when tells_of_root then 1
                    else 2
                end asc,
                sightings desc,
                identity asc
        ) as login_rank,
        row_number() over (
            partition by source, root_identity
            order by case when name is null then 1 else 0 end asc, sightings desc, identity asc
        ) as name_rank
    from rooted
),

users as (
    select
        source,
        root_identity,
        coalesce(
            max(case when login_rank = 1 then any_login end),
            max(case when root_identity like 'login:%' then substr(root_identity, 7) end)
        ) as user_login,
        max(case when name_rank = 1 then name end) as user_name,
        max(case when tells_of_root and is_bot_account then 1 else 0 end) = 1 as is_bot_account,
        max(
            case
                when tells_of_root and has_account and lower(any_login) like '%[bot]' then 1
                else 0
            end
        ) = 1 as is_bot_login
    from ranked_names
    group by source, root_identity
),

characterised as (
    select
        users.*,
        wishes.team,
        {{ without_email('coalesce(wishes.display_name, users.user_name, users.user_login)') }}
            as user_display_name,
        case
            when lower(users.user_login) = 'ghost' then -2
            when
                lower(users.user_login) = 'web-flow'
                or users.root_identity = 'email:noreply@github.com'
                then -3
            else {{ surrogate_key(['users.source', 'users.root_identity']) }}
        end as user_key,
        case
            when lower(users.user_login) = 'ghost' then 'ghost'
            when
                lower(users.user_login) = 'web-flow'
                or users.root_identity = 'email:noreply@github.com'
                then 'system'
            when wishes.bot_wish = 'bot' then 'bot'
            when wishes.bot_wish = 'not_bot' then 'human'
            when matched.ai_pattern is not null then 'ai_agent'
            when
                users.is_bot_account or users.is_bot_login or matched.bot_pattern is not null
                then 'bot'
            else 'human'
        end as actor_type,
        case
            when wishes.bot_wish is not null then 'people.csv'
            when matched.ai_pattern is not null then concat('pattern ', matched.ai_pattern)
            when users.is_bot_account then 'account type'
            when users.is_bot_login then 'login ends in [bot]'
            when matched.bot_pattern is not null then concat('pattern ', matched.bot_pattern)
        end as actor_rule
    from users
    left join wishes
        on users.source = wishes.source and users.root_identity = wishes.root_identity
    left join matched
        on users.source = matched.source and users.root_identity = matched.root_identity
),

final as (
    select
        rooted.source,
        rooted.identity,
        characterised.user_key,
        rooted.identity_kind,
        rooted.github_user_id,
        rooted.any_login as login,
        rooted.email,
        rooted.email_domain,
        rooted.name,
        rooted.root_identity as resolved_identity,
        rooted.identity_method,
        cast(
            case rooted.identity_method
                when 'noreply id' then 0.99
                when 'e-mail of one account' then 0.95
                when 'noreply login' then 0.9
                when 'login' then 0.9
                when 'e-mail' then 0.8
                when 'name' then 0.3
                else 1
            end as double
        ) as identity_confidence,
        -- What people.csv says of an address also holds where the API links an account.
        rooted.is_overridden and rooted.identity_kind = 'email' as overrides_account,
        characterised.user_login,
        characterised.user_display_name,
        characterised.team,
        characterised.actor_type,
        characterised.actor_rule,
        rooted.has_account,
        rooted.sightings,
        rooted.first_seen_at,
        rooted.last_seen_at
    from rooted
    inner join characterised
        on
            rooted.source = characterised.source
            and rooted.root_identity = characterised.root_identity
    where rooted.sightings > 0 or rooted.is_overridden
)

select * from final
