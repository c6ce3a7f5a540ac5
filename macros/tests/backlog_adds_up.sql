{#-
    What is open at a month's end is what was open before, plus what opened, less what closed. Repositories with
    an item of which a date cannot be believed, or which closed before it opened, are left out: it joins or
    leaves outside the months.
-#}
{% test backlog_adds_up(model, facts, level, opened, closed) %}
    with odd as (
        select distinct repository_key
        from {{ facts }}
        where
            opened_month_key = -1
            or closed_month_key = -1
            or (closed_month_key > 0 and closed_month_key < opened_month_key)
    ),

    steps as (
        select
            repository_key,
            month_key,
            {{ level }} as level_end,
            coalesce(lag({{ level }}) over (partition by repository_key order by month_key), 0)
            + {{ opened }} - ({{ closed }}) as expected_level
        from {{ model }}
        where month_key > 0
    )

    select steps.*
    from steps
    left join odd on steps.repository_key = odd.repository_key
    where odd.repository_key is null and steps.level_end <> steps.expected_level
{% endtest %}
