{#-
    A whole select: the issues or the pull requests that still exist, with their keys and the measures that both
    facts have. Reads the CTEs work_items, repositories and identities.
-#}
{% macro work_item_measures() -%}
    select
        {{ surrogate_key(['work_items.source', 'work_items.repository_id', 'work_items.number']) }}
            as issue_key,
        repositories.repository_key,
        {{ user_of('work_items.author_id', 'work_items.author_login', 'authors') }} as author_user_key,
        case
            when work_items.closed_by_id is null and work_items.closed_by_login is null then -1
            else coalesce(closers.user_key, -1)
        end as closed_by_user_key,
        {{ event_date_key('work_items.opened_at', 'repositories.last_plausible_date') }} as opened_date_key,
        {{ event_month_key('work_items.opened_at', 'repositories.last_plausible_date') }} as opened_month_key,
        case
            when work_items.state <> 'closed' then -2
            else {{ event_date_key('work_items.closed_at', 'repositories.last_plausible_date') }}
        end as closed_date_key,
        case
            when work_items.state <> 'closed' then -2
            else {{ event_month_key('work_items.closed_at', 'repositories.last_plausible_date') }}
        end as closed_month_key,
        {{ event_date_key('work_items.updated_at', 'repositories.last_plausible_date') }}
            as last_activity_date_key,
        work_items.item_id as issue_id,
        work_items.number as issue_number,
        work_items.title,
        work_items.state,
        work_items.state_reason,
        coalesce(work_items.author_association, 'NONE') as author_association,
        work_items.milestone_title,
        work_items.state = 'open' as is_open,
        work_items.is_locked,
        work_items.is_draft,
        work_items.label_count,
        work_items.assignee_count,
        work_items.comments_count,
        work_items.reactions_total,
        work_items.observed_reopen_count,
        case
            when
                work_items.state = 'closed'
                and {{ is_plausible_time('work_items.opened_at', 'repositories.last_plausible_date') }}
                and {{ is_plausible_time('work_items.closed_at', 'repositories.last_plausible_date') }}
                then {{ days_between('work_items.opened_at', 'work_items.closed_at') }}
        end as days_to_close,
        case
            when
                work_items.state = 'open'
                and {{ is_plausible_time('work_items.opened_at', 'repositories.last_plausible_date') }}
                then {{ whole_days_between('work_items.opened_at', 'repositories.as_of_date') }}
        end as open_age_days,
        case
            when {{ is_plausible_time('work_items.updated_at', 'repositories.last_plausible_date') }}
                then {{ whole_days_between('work_items.updated_at', 'repositories.as_of_date') }}
        end as inactive_days,
        repositories.last_plausible_date,
        work_items.opened_at,
        work_items.closed_at,
        work_items.merged_at,
        work_items.updated_at
    from work_items
    inner join repositories
        on
            work_items.source = repositories.source
            and work_items.repository_id = repositories.repository_id
    left join identities as authors
        on
            work_items.source = authors.source
            and {{ account_identity_of('work_items.author_id', 'work_items.author_login') }}
            = authors.identity
    left join identities as closers
        on
            work_items.source = closers.source
            and {{ account_identity_of('work_items.closed_by_id', 'work_items.closed_by_login') }}
            = closers.identity
{%- endmacro %}

{#- Whole days that an item has been open at the end of a month, or at the last sync within it. -#}
{% macro open_days_at_month_end(items, months) -%}
    {{ whole_days_between(
        items ~ ".opened_at",
        "least(" ~ months ~ ".month_end_date, " ~ months ~ ".as_of_date)",
    ) }}
{%- endmacro %}
