with commits as (
    select * from {{ ref('commits') }}
),

trailers as (
    {{ unnest_list('commits', 'co_author_trailers', ['source', 'repository_id', 'sha']) }}
),

parsed as (
    select
        source,
        repository_id,
        sha,
        item_index,
        {{ clean_text("split_part(item_text, '<', 1)") }} as co_author_name,
        lower({{ clean_text("split_part(split_part(item_text, '<', 2), '>', 1)") }})
            as co_author_email
    from trailers
),

ranked as (
    select
        *,
        row_number() over (
            partition by
                source, repository_id, sha, coalesce(co_author_email, lower(co_author_name))
            order by item_index
        ) as mention
    from parsed
    where co_author_email is not null or co_author_name is not null
),

final as (
    select
        source,
        repository_id,
        sha,
        item_index as trailer_index,
        co_author_name,
        co_author_email
    from ranked
    where mention = 1
)

select * from final
