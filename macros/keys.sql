{#-
    A deterministic key in the positive bigint range from the natural key's columns: the same row has the same
    key in every build. Nulls count as empty text. The special members (unknown -1, ghost -2, system -3) are
    negative, so no key can meet them.
-#}
{% macro surrogate_key(columns) -%}
    {{ return(adapter.dispatch('surrogate_key')(columns)) }}
{%- endmacro %}

{% macro natural_key_text(columns) -%}
    concat(
        {%- for column in columns -%}
            {{ "'|', " if not loop.first }}coalesce(cast({{ column }} as {{ dbt.type_string() }}), ''){{ ", " if not loop.last }}
        {%- endfor -%}
    )
{%- endmacro %}

{% macro default__surrogate_key(columns) -%}
    cast(md5_number_lower({{ natural_key_text(columns) }}) >> 1 as bigint)
{%- endmacro %}

{% macro snowflake__surrogate_key(columns) -%}
    cast(floor(md5_number_lower64({{ natural_key_text(columns) }}) / 2) as bigint)
{%- endmacro %}

{% macro spark__surrogate_key(columns) -%}
    cast(
        floor(cast(conv(substr(md5({{ natural_key_text(columns) }}), 17, 16), 16, 10) as decimal(20, 0)) / 2)
        as bigint
    )
{%- endmacro %}

{#- The key of a label: of its id, or of its name where the API gives none. A name may look like an id. -#}
{% macro label_key(labels) -%}
    {{ surrogate_key([
        labels ~ '.source',
        labels ~ '.repository_id',
        "coalesce(cast(" ~ labels ~ ".label_id as " ~ dbt.type_string() ~ "), concat('name:', " ~ labels ~ ".label_name))",
    ]) }}
{%- endmacro %}

{#-
    A large fact's primary key, as a post-hook instead of a constraint in its contract: an index that is made in
    one go takes a third of the time of one that row after row is put into.
-#}
{% macro key_comes_last(column) -%}
    alter table {{ '{{ this }}' }} add primary key ({{ column }})
{%- endmacro %}
