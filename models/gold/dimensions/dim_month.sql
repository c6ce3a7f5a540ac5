with days as (
    select * from {{ ref('dim_date') }}
),

final as (
    select
        month_key,
        month_start_date,
        max(date_day) as month_end_date,
        month_label,
        quarter_label,
        year,
        -- A running number: months one apart differ by one, across years too.
        cast(
            case when month_key > 0 then year * 12 + (month_key - year * 100) - 1 end as integer
        ) as month_index
    from days
    where date_key <> -2
    group by month_key, month_start_date, month_label, quarter_label, year
)

select * from final
order by month_key
