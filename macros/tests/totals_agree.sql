{#-
    Reconciles two relations: `expression` over the model and `compare_expression` over `compare_model` are the
    same for every value of `group_by`, or over all rows without one. Values that only one side has count too.
-#}
{% test totals_agree(
    model, expression, compare_model, compare_expression, filter=none, compare_filter=none, group_by=[]
) %}
    {%- set keys = group_by | join(", ") %}
    with sides as (
        select
            {{ keys ~ "," if keys }}
            {{ expression }} as total,
            1 as side
        from {{ model }}
        {{ "where " ~ filter if filter }}
        {{ "group by " ~ keys if keys }}

        union all

        select
            {{ keys ~ "," if keys }}
            {{ compare_expression }} as total,
            2 as side
        from {{ compare_model }}
        {{ "where " ~ compare_filter if compare_filter }}
        {{ "group by " ~ keys if keys }}
    )

    select
        {{ keys ~ "," if keys }}
        sum(case when side = 1 then total else 0 end) as model_total,
        sum(case when side = 2 then total else 0 end) as compare_total
    from sides
    {{ "group by " ~ keys if keys }}
    having abs(
        coalesce(sum(case when side = 1 then total else 0 end), 0)
        - coalesce(sum(case when side = 2 then total else 0 end), 0)
    ) > 0.000001
{% endtest %}
