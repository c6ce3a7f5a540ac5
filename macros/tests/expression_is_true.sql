{#- Fails for each row for which the expression is not true; null counts as not true. `config: where` narrows. -#}
{% test expression_is_true(model, expression) %}
    select *
    from {{ model }}
    where not coalesce({{ expression }}, false)
{% endtest %}
