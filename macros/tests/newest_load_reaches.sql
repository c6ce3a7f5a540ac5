{#-
    No landed row is lost on the way into silver: every natural key in the newest load of a bronze table stands
    in the model. Only the newest load, so that the cost follows what is new.
-#}
{% test newest_load_reaches(model, landed, key_path, key_column, key_type) %}
    with landed as (
        select * from {{ landed }}
        where _run_id = (select max(_run_id) from {{ landed }})
    ),

    extracted as (
        {{ json_columns('landed', 'payload', ['source', 'repository_id'], {'natural_key': key_path}) }}
    )

    select
        extracted.source,
        extracted.repository_id,
        extracted.natural_key
    from extracted
    left join {{ model }} as model_rows
        on
            extracted.source = model_rows.source
            and extracted.repository_id = model_rows.repository_id
            and try_cast(extracted.natural_key as {{ key_type }}) = model_rows.{{ key_column }}
    where model_rows.{{ key_column }} is null
{% endtest %}
