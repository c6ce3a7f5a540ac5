{#-
    A whole select: what each contributor did, by the columns `keys`, from the CTE user_months, whose
    months_ago counts back from the repository's last sync: 0 is the month of that sync, 1 to 12 are the last
    twelve complete months.
-#}
{% macro contributor_totals(keys) -%}
    select
        {% for key in keys -%}
        {{ key }},
        {% endfor -%}
        {% for measure in [
            'commits', 'merge_commits', 'commits_total', 'coauthored_commits', 'issues_opened', 'prs_opened',
            'prs_merged', 'contributions',
        ] -%}
        cast(sum({{ measure }}) as integer) as {{ measure }},
        {% endfor -%}
        cast(count(distinct case when contributions > 0 and month_key > 0 then month_key end) as integer)
            as months_active,
        cast(sum(case when months_ago between 1 and 12 then commits else 0 end) as integer) as commits_12m,
        min(case when contributions > 0 then months_ago end) as months_since_last
    from user_months
    group by {{ keys | join(', ') }}
{%- endmacro %}

{#- A whole select: the first and the last contribution, by the columns `keys`, from the CTE contributions. -#}
{% macro contribution_spans(keys) -%}
    select
        {% for key in keys -%}
        {{ key }},
        {% endfor -%}
        min(occurred_at) as first_contribution_at,
        max(occurred_at) as last_contribution_at
    from contributions
    where is_activity and date_key > 0
    group by {{ keys | join(', ') }}
{%- endmacro %}

{#-
    A whole select: the months of agg_user_month with months_ago, null where no server ever told the time. Reads
    the CTEs of the same names.
-#}
{% macro user_months_ago() -%}
    select
        agg_user_month.*,
        as_of_months.month_index - months.month_index as months_ago
    from agg_user_month
    inner join repositories on agg_user_month.repository_key = repositories.repository_key
    inner join months on agg_user_month.month_key = months.month_key
    left join months as as_of_months
        on as_of_months.month_key = {{ month_key('repositories.as_of_date') }}
{%- endmacro %}

{#- How long ago a contributor last did something: under six months, under twelve, or longer. -#}
{% macro recency_status(months_since_last) -%}
    case
        when {{ months_since_last }} < 6 then 'active'
        when {{ months_since_last }} < 12 then 'drifting'
        when {{ months_since_last }} >= 12 then 'away'
    end
{%- endmacro %}

{#- Whether somebody came back: five contributions or more. Null for who has none, such as one who only merges. -#}
{% macro consistency_status(contributions) -%}
    case
        when {{ contributions }} >= 5 then 'repeat'
        when {{ contributions }} > 0 then 'fly_by'
    end
{%- endmacro %}
