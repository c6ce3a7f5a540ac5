{#- The only macros that touch JSON and the lists read from it. Only silver and its tests call them. -#}

{#-
    A whole select: the columns `keep` of `relation`, and one text column for each of `fields` (name: path).
    A missing key, a JSON null and a path through an empty object all give null. DuckDB reads all paths in one
    call: a call for each field would parse the payload again each time and takes four times as long.
-#}
{% macro json_columns(relation, payload, keep, fields) -%}
    {{ return(adapter.dispatch('json_columns')(relation, payload, keep, fields)) }}
{%- endmacro %}

{% macro default__json_columns(relation, payload, keep, fields) -%}
    select
        {% for column in keep -%}
        {{ column }},
        {% endfor -%}
        {% for name in fields -%}
        json_values[{{ loop.index }}] as {{ name }}{{ "," if not loop.last }}
        {% endfor -%}
    from (
        select
            {% for column in keep -%}
            {{ column }},
            {% endfor -%}
            json_extract_string(
                {{ payload }},
                [{% for path in fields.values() %}'$.{{ path }}'{{ ", " if not loop.last }}{% endfor %}]
            ) as json_values
        from {{ relation }}
    ) as parsed
{%- endmacro %}

{% macro snowflake__json_columns(relation, payload, keep, fields) -%}
    select
        {% for column in keep -%}
        {{ column }},
        {% endfor -%}
        {% for name, path in fields.items() -%}
        cast(get_path({{ payload }}, '{{ path }}') as varchar) as {{ name }}{{ "," if not loop.last }}
        {% endfor -%}
    from {{ relation }}
{%- endmacro %}

{% macro spark__json_columns(relation, payload, keep, fields) -%}
    select
        {% for column in keep -%}
        {{ column }},
        {% endfor -%}
        {% for name, path in fields.items() -%}
        get_json_object({{ payload }}, '$.{{ path }}') as {{ name }}{{ "," if not loop.last }}
        {% endfor -%}
    from {{ relation }}
{%- endmacro %}

{#- The text of a JSON array of objects as a native list; of each object only `fields` (name: type). -#}
{% macro json_list(text, fields) -%}
    {{ return(adapter.dispatch('json_list')(text, fields)) }}
{%- endmacro %}

{#- A payload may hold a plain text where the list should be: from_json would stop at it. -#}
{% macro default__json_list(text, fields) -%}
    case
        when json_valid({{ text }})
            then from_json(
                {{ text }},
                '[{ {%- for name, type in fields.items() %}"{{ name }}": "{{ type }}"{{ ", " if not loop.last }}{% endfor -%} }]'
            )
    end
{%- endmacro %}

{% macro snowflake__json_list(text, fields) -%}
    cast(try_parse_json({{ text }}) as array)
{%- endmacro %}

{% macro spark__json_list(text, fields) -%}
    from_json(
        {{ text }},
        'array<struct<{% for name, type in fields.items() %}{{ name }}: {{ type }}{{ ", " if not loop.last }}{% endfor %}>>'
    )
{%- endmacro %}

{#-
    A whole select: one row for each item of the list `column` of `relation`, with the columns `keep`, the
    item's place from 1 as item_index, and its `fields` (name in the item: [name here, type]). Without fields
    the item itself is a text and comes as item_text.
-#}
{% macro unnest_list(relation, column, keep, fields=none) -%}
    {{ return(adapter.dispatch('unnest_list')(relation, column, keep, fields)) }}
{%- endmacro %}

{#- Unnesting in the select list: a lateral join with ordinality takes fifteen times as long in DuckDB. -#}
{% macro default__unnest_list(relation, column, keep, fields=none) -%}
    select
        {% for name in keep -%}
        {{ name }},
        {% endfor -%}
        {% for name, target in (fields or {}).items() -%}
        cast(list_item.{{ name }} as {{ target[1] }}) as {{ target[0] }},
        {% endfor -%}
        {% if not fields -%}
        list_item as item_text,
        {% endif -%}
        cast(item_index as integer) as item_index
    from (
        select
            {% for name in keep -%}
            {{ name }},
            {% endfor -%}
            unnest({{ column }}) as list_item,
            generate_subscripts({{ column }}, 1) as item_index
        from {{ relation }}
    ) as unnested_list
{%- endmacro %}

{% macro snowflake__unnest_list(relation, column, keep, fields=none) -%}
    select
        {% for name in keep -%}
        {{ relation }}.{{ name }},
        {% endfor -%}
        {% for name, target in (fields or {}).items() -%}
        cast(list_item.value:{{ name }} as {{ target[1] }}) as {{ target[0] }},
        {% endfor -%}
        {% if not fields -%}
        cast(list_item.value as varchar) as item_text,
        {% endif -%}
        list_item.index + 1 as item_index
    from {{ relation }},
        lateral flatten(input => {{ relation }}.{{ column }}) as list_item
{%- endmacro %}

{% macro spark__unnest_list(relation, column, keep, fields=none) -%}
    select
        {% for name in keep -%}
        {{ relation }}.{{ name }},
        {% endfor -%}
        {% for name, target in (fields or {}).items() -%}
        cast(item.{{ name }} as {{ target[1] }}) as {{ target[0] }},
        {% endfor -%}
        {% if not fields -%}
        item as item_text,
        {% endif -%}
        item_position + 1 as item_index
    from {{ relation }}
    lateral view posexplode({{ relation }}.{{ column }}) list_item as item_position, item
{%- endmacro %}

{#- Items in a native list; 0 for null. -#}
{% macro list_length(list) -%}
    {{ return(adapter.dispatch('list_length')(list)) }}
{%- endmacro %}

{% macro default__list_length(list) -%}
    cast(coalesce(len({{ list }}), 0) as integer)
{%- endmacro %}

{% macro snowflake__list_length(list) -%}
    cast(coalesce(array_size({{ list }}), 0) as integer)
{%- endmacro %}

{% macro spark__list_length(list) -%}
    cast(coalesce(size({{ list }}), 0) as integer)
{%- endmacro %}
