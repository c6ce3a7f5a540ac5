with commits as (
    select * from {{ ref('commits') }}
    where is_on_default_branch
),

commit_coauthors as (
    select * from {{ ref('commit_coauthors') }}
),

identities as (
    select * from {{ ref('user_identities') }}
),

users as (
    select * from {{ ref('dim_user') }}
),

credited as (
    select
        source,
        repository_id,
        sha,
        'author' as credit_role,
        {{ identity_of('author_id', 'author_login', 'author_email', 'author_name') }} as identity,
        author_email as email
    from commits

    union all

    select
        commits.source,
        commits.repository_id,
        commits.sha,
        'co_author' as credit_role,
        {{ git_identity_of(
            'commit_coauthors.co_author_email', 'commit_coauthors.co_author_name'
        ) }} as identity,
        commit_coauthors.co_author_email as email
    from commit_coauthors
    inner join commits
        on
            commit_coauthors.source = commits.source
            and commit_coauthors.repository_id = commits.repository_id
            and commit_coauthors.sha = commits.sha
),

resolved as (
    select
        {{ surrogate_key(['credited.source', 'credited.repository_id', 'credited.sha']) }}
            as commit_key,
        credited.credit_role,
        coalesce(overrides.user_key, identities.user_key, -1) as user_key
    from credited
    left join identities
        on credited.source = identities.source and credited.identity = identities.identity
    left join identities as overrides
        on
            credited.source = overrides.source
            and credited.email = overrides.email
            and overrides.overrides_account
),

-- Each person once for each commit: somebody who also names themself as co-author stays the author.
once as (
    select
        commit_key,
        user_key,
        min(credit_role) as credit_role
    from resolved
    group by commit_key, user_key
),

final as (
    select
        once.commit_key,
        once.user_key,
        once.credit_role,
        users.is_human,
        cast(1 as double) as credit_full,
        case
            when users.is_human
                then 1.0 / sum(case when users.is_human then 1 else 0 end) over (
                    partition by once.commit_key
                )
            else cast(0 as double)
        end as credit_fractional
    from once
    inner join users on once.user_key = users.user_key
)

select * from final
order by commit_key, credit_role, user_key
