-- Names that more users than this share are too common to say anything.
{%- set most_users_of_a_name = 5 %}

with identities as (
    select * from {{ ref('user_identities') }}
),

named as (
    select
        source,
        user_key,
        resolved_identity,
        user_login,
        lower({{ single_spaced('name') }}) as shared_name,
        sum(sightings) as sightings,
        max(case when has_account then 1 else 0 end) as account_rank
    from identities
    where
        actor_type = 'human'
        and name like '%_ _%'
        and identity_method <> 'people.csv'
    group by
        source, user_key, resolved_identity, user_login, lower({{ single_spaced('name') }})
),

-- Of the users of a name, the one with an account and the most work is who the others may be.
ranked as (
    select
        *,
        row_number() over (
            partition by source, shared_name
            order by account_rank desc, sightings desc, resolved_identity asc
        ) as user_rank,
        count(*) over (partition by source, shared_name) as users_of_name
    from named
),

pairs as (
    select
        others.source,
        others.shared_name,
        others.user_key,
        main.user_key as suggested_user_key,
        others.resolved_identity as identity,
        main.resolved_identity as suggested_identity,
        others.sightings,
        main.sightings as suggested_sightings,
        concat(
            {{ people_csv_name('others', 'main') }},
            ',merge,',
            {{ people_csv_name('main', 'others') }}
        ) as people_csv_line,
        row_number() over (
            partition by others.user_key, main.user_key
            order by others.sightings desc, others.shared_name asc
        ) as pair_rank
    from ranked as others
    inner join ranked as main
        on
            others.source = main.source
            and others.shared_name = main.shared_name
            and main.user_rank = 1
    where
        others.user_rank > 1
        and others.users_of_name <= {{ most_users_of_a_name }}
        -- A name alone cannot stand in people.csv.
        and others.resolved_identity not like 'name:%'
        and main.resolved_identity not like 'name:%'
),

final as (
    select
        source,
        user_key,
        suggested_user_key,
        identity,
        suggested_identity,
        shared_name,
        people_csv_line,
        cast(sightings as bigint) as sightings,
        cast(suggested_sightings as bigint) as suggested_sightings
    from pairs
    where pair_rank = 1
)

select * from final
