{#- Schemas are exactly bronze, silver and gold: without this, dbt would write main_silver. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
