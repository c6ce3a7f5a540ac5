{#-
    The filter of silver's incremental models: bronze rows that came with a later load transaction than any
    row of the model.
-#}
{% macro newly_landed() -%}
    {% if is_incremental() -%}
    where _run_id > (select coalesce(max(_run_id), -1) from {{ this }})
    {%- endif %}
{%- endmacro %}

{#- A pre-hook: takes the rows whose keys landed again in `landed` out of an incremental model. -#}
{% macro forget_newly_landed(landed, keys) -%}
    {% if is_incremental() -%}
    delete from {{ this }}
    where ({{ keys | join(', ') }}) in (
        select {{ keys | join(', ') }} from {{ landed }}
        {{ newly_landed() }}
    )
    {%- endif %}
{%- endmacro %}

{#-
    Whether a commit, as last seen, is on its default branch. The last complete history walk holds the branch;
    later walks tell what joined it and what left it.
-#}
{% macro is_on_branch(version, repository) -%}
    {{ version }}.walk_id >= coalesce({{ repository }}.history_walk_id, {{ version }}.walk_id + 1)
    and not {{ version }}.left_branch
{%- endmacro %}

{#- Whether the last complete walk of the issue list no longer saw an item. -#}
{% macro is_gone(last_walk_id, repository) -%}
    {{ last_walk_id }} < coalesce({{ repository }}.full_issue_walk_id, {{ last_walk_id }})
{%- endmacro %}
