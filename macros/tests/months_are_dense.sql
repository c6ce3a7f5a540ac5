{#- No month is missing between a repository's first and last. -#}
{% test months_are_dense(model) %}
    select repository_key
    from {{ model }}
    where month_key > 0
    group by repository_key
    having
        count(*) <> max(cast(floor(month_key / 100) as integer) * 12 + month_key % 100)
        - min(cast(floor(month_key / 100) as integer) * 12 + month_key % 100) + 1
{% endtest %}
