{#-
    No landed row is lost on the way into silver: every natural key in the newest load of a bronze table stands in
    the model. Only the newest load, so that the cost follows what is new; the proofs compare all of them, and name
    the repository of a row that has no natural key.
-#}
{% test landed_rows_reach(model, landed, key_column) %}
    select distinct
        landed.source,
        landed.repository_id,
        landed.{{ key_column }}
    from {{ landed }} as landed
    left join {{ model }} as model_rows
        on
            landed.source = model_rows.source
            and landed.repository_id = model_rows.repository_id
            and landed.{{ key_column }} = model_rows.{{ key_column }}
    where
        landed._run_id = (select max(_run_id) from {{ landed }})
        and landed.{{ key_column }} is not null
        and model_rows.{{ key_column }} is null
{% endtest %}
