{#-
    At the start of a run: drops the facts that the run will build anew. Their foreign keys would otherwise make
    every rebuild of a dimension copy them aside and back. Nobody reads the working copy before it is complete.
-#}
{% macro drop_facts_before_dimensions() %}
    {%- if execute and invocation_args_dict.which in ("build", "run") -%}
        {%- for name in ["fct_commits", "fct_issues", "fct_pull_requests"] -%}
            {%- set fact = adapter.get_relation(target.database, "gold", name) -%}
            {%- if fact is not none and ("model.hear_app." ~ name) in selected_resources -%}
                {%- do adapter.drop_relation(fact) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
