with repositories as (
    select * from {{ ref('repositories') }}
),

commits as (
    select * from {{ ref('commits') }}
),

work_items as (
    select * from {{ ref('work_items') }}
),

events as (
    select
        source,
        repository_id,
        committed_at as happened_at
    from commits

    union all

    select
        source,
        repository_id,
        authored_at as happened_at
    from commits

    union all

    select
        source,
        repository_id,
        opened_at as happened_at
    from work_items

    union all

    select
        source,
        repository_id,
        closed_at as happened_at
    from work_items

    union all

    select
        source,
        repository_id,
        merged_at as happened_at
    from work_items

    union all

    select
        source,
        repository_id,
        updated_at as happened_at
    from work_items
),

first_event as (
    select min(events.happened_at) as happened_at
    from events
    inner join repositories
        on
            events.source = repositories.source
            and events.repository_id = repositories.repository_id
    where {{ is_plausible_time('events.happened_at', 'repositories.last_plausible_date') }}
),

syncs as (
    select
        min(cast(as_of_date as timestamp)) as first_sync,
        max(last_plausible_date) as last_day
    from repositories
),

span as (
    select
        cast(
            date_trunc(
                'year', least(coalesce(first_event.happened_at, syncs.first_sync), syncs.first_sync)
            ) as date
        ) as first_day,
        -- To the end of the year after the newest sync, so that forecasts find their days.
        extract(year from syncs.last_day) + 1 as last_year
    from syncs
    cross join first_event
),

numbers as (
    {{ numbers(5) }}
),

days as (
    select cast({{ dbt.dateadd('day', 'numbers.number', 'span.first_day') }} as date) as date_day
    from numbers
    cross join span
),

calendar as (
    select
        days.date_day,
        {{ iso_part('week', 'days.date_day') }} as iso_week,
        {{ iso_part('year', 'days.date_day') }} as iso_year,
        {{ iso_part('day', 'days.date_day') }} as day_of_week,
        cast(extract(year from days.date_day) as integer) as year_number,
        cast(extract(quarter from days.date_day) as integer) as quarter_number,
        cast(extract(month from days.date_day) as integer) as month_number,
        cast(date_trunc('month', days.date_day) as date) as month_start_date
    from days
    inner join span
        on extract(year from days.date_day) <= span.last_year
),

final as (
    select
        {{ date_key('date_day') }} as date_key,
        date_day,
        {{ month_key('date_day') }} as month_key,
        month_start_date,
        concat(
            cast(year_number as varchar), '-', lpad(cast(month_number as varchar), 2, '0')
        ) as month_label,
        concat(cast(year_number as varchar), '-Q', cast(quarter_number as varchar))
            as quarter_label,
        year_number as year,
        iso_year,
        iso_week,
        day_of_week,
        case day_of_week
            when 1 then 'Monday'
            when 2 then 'Tuesday'
            when 3 then 'Wednesday'
            when 4 then 'Thursday'
            when 5 then 'Friday'
            when 6 then 'Saturday'
            else 'Sunday'
        end as day_name,
        day_of_week >= 6 as is_weekend,
        cast(extract(day from last_day(date_day)) as integer) as days_in_month
    from calendar

    union all

    select
        special.date_key,
        cast(null as date) as date_day,
        -1 as month_key,
        cast(null as date) as month_start_date,
        special.label as month_label,
        special.label as quarter_label,
        cast(null as integer) as year,
        cast(null as integer) as iso_year,
        cast(null as integer) as iso_week,
        cast(null as integer) as day_of_week,
        special.label as day_name,
        false as is_weekend,
        cast(null as integer) as days_in_month
    from (values (-1, 'unknown'), (-2, 'not happened')) as special (date_key, label)
)

select * from final
order by date_key
