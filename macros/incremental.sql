{#-
    The filter of silver's incremental models: bronze rows that came with a later load transaction than any
    row of the model.
-#}
{% macro newly_landed() -%}
    {% if is_incremental() -%}
    where _run_id > (select coalesce(max(_run_id), -1) from {{ this }})
    {%- endif %}
{%- endmacro %}
