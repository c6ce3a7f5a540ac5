{#-
    The metric catalog and the gold tables tell of the same columns: every column that the catalog names exists,
    and every measure of the models in `complete_for` (a number that is no key) is in the catalog.
-#}
{% test catalog_matches_columns(model, complete_for, also_used, not_measures) %}
    with gold_columns as (
        {% for relation in complete_for + also_used -%}
        select
            table_name as model,
            column_name,
            {{ "true" if relation in complete_for else "false" }} as must_be_complete,
            lower(data_type) in ('integer', 'bigint', 'double', 'number', 'float', 'int')
            and right(column_name, 4) <> '_key'
            and column_name not in ('{{ not_measures | join("', '") }}') as is_measure
        from information_schema.columns
        where
            table_catalog = '{{ model.database }}'
            and lower(table_schema) = lower('{{ model.schema }}')
            and lower(table_name) = '{{ (relation | string).split(".")[-1] | replace('"', "") | lower }}'
        {{ "union all" if not loop.last }}
        {% endfor -%}
    )

    select
        catalog.model,
        catalog.column_name,
        'no such column' as problem
    from {{ model }} as catalog
    left join gold_columns
        on catalog.model = gold_columns.model and catalog.column_name = gold_columns.column_name
    where gold_columns.column_name is null

    union all

    select
        gold_columns.model,
        gold_columns.column_name,
        'measure without a definition' as problem
    from gold_columns
    left join {{ model }} as catalog
        on catalog.model = gold_columns.model and catalog.column_name = gold_columns.column_name
    where gold_columns.must_be_complete and gold_columns.is_measure and catalog.column_name is null
{% endtest %}
