with work_item_labels as (
    select * from {{ ref('work_item_labels') }}
),

work_items as (
    select * from {{ ref('work_items') }}
),

label_patterns as (
    select * from {{ ref('label_patterns') }}
),

repositories as (
    select * from {{ ref('dim_repository') }}
),

sightings as (
    select
        work_item_labels.label_key,
        work_item_labels.source,
        work_item_labels.repository_id,
        work_item_labels.label_id,
        work_item_labels.label_name,
        work_item_labels.color,
        work_items.updated_at,
        work_items.number
    from work_item_labels
    inner join work_items
        on
            work_item_labels.source = work_items.source
            and work_item_labels.repository_id = work_items.repository_id
            and work_item_labels.number = work_items.number
    where not work_items.is_deleted
),

-- A renamed label is called as the item updated last calls it.
ranked as (
    select
        *,
        {{ label_words('label_name') }} as label_words,
        row_number() over (
            partition by label_key order by updated_at desc nulls last, number desc
        ) as sighting_rank
    from sightings
),

matched as (
    select
        ranked.label_key,
        label_patterns.label_class,
        row_number() over (
            partition by ranked.label_key
            order by label_patterns.precedence, label_patterns.pattern
        ) as match_rank
    from ranked
    inner join label_patterns on ranked.label_words like label_patterns.pattern
    where ranked.sighting_rank = 1
),

final as (
    select
        ranked.label_key,
        repositories.repository_key,
        ranked.label_id,
        ranked.label_name,
        trim(ranked.label_words) as label_name_normalised,
        coalesce(matched.label_class, 'other') as label_class,
        ranked.color
    from ranked
    inner join repositories
        on
            ranked.source = repositories.source
            and ranked.repository_id = repositories.repository_id
    left join matched on ranked.label_key = matched.label_key and matched.match_rank = 1
    where ranked.sighting_rank = 1
)

select * from final
order by repository_key, label_name, label_key
