{#-
    What is open at a month's end is what was open before, plus what opened, less what closed. An item of which a
    date cannot be believed, or which closed before it opened, is in no level: what such items add to the months'
    `opened` and `closed` is taken off again. `closed_month` is the month of the facts in which an item left.
-#}
{% test backlog_adds_up(model, facts, closed_month, level, opened, closed) %}
    with odd as (
        select
            repository_key,
            opened_month_key,
            {{ closed_month }} as closed_month_key
        from {{ facts }}
        where
            opened_month_key = -1
            or {{ closed_month }} = -1
            or ({{ closed_month }} > 0 and {{ closed_month }} < opened_month_key)
    ),

    odd_months as (
        select
            repository_key,
            month_key,
            sum(change) as change
        from (
            select
                repository_key,
                opened_month_key as month_key,
                1 as change
            from odd
            union all
            select
                repository_key,
                closed_month_key as month_key,
                -1 as change
            from odd
        ) as changes
        group by repository_key, month_key
    ),

    steps as (
        select
            months.repository_key,
            months.month_key,
            months.{{ level }} as level_end,
            coalesce(
                lag(months.{{ level }}) over (
                    partition by months.repository_key order by months.month_key
                ), 0
            ) + {{ opened }} - ({{ closed }}) - coalesce(odd_months.change, 0) as expected_level
        from {{ model }} as months
        left join odd_months
            on
                months.repository_key = odd_months.repository_key
                and months.month_key = odd_months.month_key
        where months.month_key > 0
    )

    select *
    from steps
    where level_end <> expected_level
{% endtest %}
