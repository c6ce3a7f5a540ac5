{#- A foreign key whose rows stand in one of several models, as a work item's do in issues or pull requests. -#}
{% test key_in_any(model, column, models) %}
    select child.{{ column }}
    from {{ model }} as child
    left join (
        {% for parent in models -%}
        select {{ column }} from {{ parent }}
        {{ "union all" if not loop.last }}
        {% endfor -%}
    ) as parents
        on child.{{ column }} = parents.{{ column }}
    where parents.{{ column }} is null
{% endtest %}
