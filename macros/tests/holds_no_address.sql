{#- No text of the column holds an e-mail address, as without_email knows them; null holds none. -#}
{% test holds_no_address(model, column_name) %}
    select {{ column_name }}
    from {{ model }}
    where {{ column_name }} <> {{ without_email(column_name) }}
{% endtest %}
