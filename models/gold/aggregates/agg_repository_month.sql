-- Months of silence that make somebody gone quiet, and that a newcomer has to convert.
{%- set quiet_months = 6 %}
-- Months that the contributor absence factor looks back over, the row's month included.
{%- set risk_months = 12 %}

with commits as (
    select * from {{ ref('fct_commits') }}
),

issues as (
    select * from {{ ref('fct_issues') }}
),

-- A merge ends a pull request, though GitHub may write its closing a second later.
pull_requests as (
    select
        *,
        case when is_merged then merged_month_key else closed_month_key end as ended_month_key
    from {{ ref('fct_pull_requests') }}
),

users as (
    select * from {{ ref('dim_user') }}
),

repositories as (
    select
        *,
        is_commit_history_complete and is_issue_history_complete as is_history_complete
    from {{ ref('dim_repository') }}
),

months as (
    select * from {{ ref('dim_month') }}
),

user_months as (
    select
        user_months.*,
        months.month_index
    from {{ ref('agg_user_month') }} as user_months
    inner join months on user_months.month_key = months.month_key
),

numbers as (
    {{ numbers(2) }}
),

---------- commits

commit_months as (
    select
        commits.repository_key,
        commits.committed_month_key as month_key,
        count(*) as commits_total,
        {% for column, condition in {
            'commits': "users.actor_type = 'human'",
            'commits_bot': "users.actor_type = 'bot'",
            'commits_ai_agent': "users.actor_type = 'ai_agent'",
            'commits_unattributed': "users.actor_type not in ('human', 'bot', 'ai_agent')",
            'revert_commits': "users.actor_type = 'human' and commits.is_revert",
        }.items() -%}
        sum(case when not commits.is_merge_commit and {{ condition }} then 1 else 0 end)
            as {{ column }},
        {% endfor -%}
        sum(case when commits.is_merge_commit then 1 else 0 end) as merge_commits,
        sum(case when commits.is_web_flow then 1 else 0 end) as commits_web_flow,
        count(
            distinct case
                when not commits.is_merge_commit and users.is_human
                    then nullif(commits.committed_date_key, -1)
            end
        ) as active_days
    from commits
    inner join users on commits.author_user_key = users.user_key
    group by commits.repository_key, commits.committed_month_key
),

authored_months as (
    select
        commits.repository_key,
        commits.authored_month_key as month_key,
        count(*) as commits_by_authored_month
    from commits
    inner join users on commits.author_user_key = users.user_key
    where not commits.is_merge_commit and users.is_human
    group by commits.repository_key, commits.authored_month_key
),

---------- issues and pull requests

issues_opened as (
    select
        issues.repository_key,
        issues.opened_month_key as month_key,
        count(*) as issues_opened,
        sum(case when users.is_human then 1 else 0 end) as issues_opened_human,
        sum(case when issues.days_to_close <= 30 then 1 else 0 end) as closed_within_30_days
    from issues
    inner join users on issues.author_user_key = users.user_key
    group by issues.repository_key, issues.opened_month_key
),

issues_closed as (
    select
        repository_key,
        closed_month_key as month_key,
        count(*) as issues_closed,
        sum(case when state_reason = 'completed' then 1 else 0 end) as issues_closed_completed,
        sum(case when state_reason = 'not_planned' then 1 else 0 end) as issues_closed_not_planned,
        sum(case when state_reason = 'duplicate' then 1 else 0 end) as issues_closed_duplicate,
        percentile_cont(0.5) within group (order by days_to_close) as median_days_to_close,
        percentile_cont(0.9) within group (order by days_to_close) as p90_days_to_close
    from issues
    where not is_open
    group by repository_key, closed_month_key
),

prs_opened as (
    select
        pull_requests.repository_key,
        pull_requests.opened_month_key as month_key,
        count(*) as prs_opened,
        sum(case when users.is_human then 1 else 0 end) as prs_opened_human
    from pull_requests
    inner join users on pull_requests.author_user_key = users.user_key
    group by pull_requests.repository_key, pull_requests.opened_month_key
),

prs_closed as (
    select
        repository_key,
        ended_month_key as month_key,
        sum(case when is_merged then 1 else 0 end) as prs_merged,
        sum(case when is_merged then 0 else 1 end) as prs_closed_unmerged,
        percentile_cont(0.5) within group (order by days_to_merge) as median_days_to_merge,
        percentile_cont(0.9) within group (order by days_to_merge) as p90_days_to_merge
    from pull_requests
    where not is_open
    group by repository_key, ended_month_key
),

---------- the months of each repository

active_months as (
    {% for relation in [
        'commit_months', 'authored_months', 'issues_opened', 'issues_closed', 'prs_opened',
        'prs_closed',
    ] -%}
    select
        repository_key,
        month_key
    from {{ relation }}
    {{ "union distinct" if not loop.last }}
    {% endfor -%}
),

spans as (
    select
        repositories.repository_key,
        min(active_months.month_key) as first_month_key,
        greatest(
            max(active_months.month_key),
            max({{ month_key('repositories.as_of_date') }})
        ) as last_month_key
    from active_months
    inner join repositories on active_months.repository_key = repositories.repository_key
    where active_months.month_key > 0
    group by repositories.repository_key
),

-- Dense from the first activity to the last sync; the unknown month only where something is in it.
keyed_months as (
    select
        spans.repository_key,
        months.month_key
    from spans
    inner join months
        on months.month_key between spans.first_month_key and spans.last_month_key

    union all

    select
        repository_key,
        month_key
    from active_months
    where month_key = -1
),

spine as (
    select
        keyed_months.repository_key,
        keyed_months.month_key,
        months.month_index,
        months.month_start_date,
        months.month_end_date,
        repositories.full_name,
        repositories.as_of_date,
        repositories.is_history_complete,
        coalesce(months.month_end_date < repositories.as_of_date, false) as is_complete_month
    from keyed_months
    inner join months on keyed_months.month_key = months.month_key
    inner join repositories on keyed_months.repository_key = repositories.repository_key
),

---------- what is open at each month's end

-- Counted afresh for each month, not carried over, so that opened and closed can be held against
-- it. What was closed on a day that cannot be believed is left out from its opening on.
open_issues as (
    select
        spine.repository_key,
        spine.month_key,
        count(*) as open_issues_end,
        percentile_cont(0.5) within group (
            order by {{ open_days_at_month_end('issues', 'spine') }}
        ) as median_open_age_days,
        percentile_cont(0.9) within group (
            order by {{ open_days_at_month_end('issues', 'spine') }}
        ) as p90_open_age_days,
        max({{ open_days_at_month_end('issues', 'spine') }}) as oldest_open_age_days
    from spine
    inner join issues
        on
            spine.repository_key = issues.repository_key
            and spine.month_key >= issues.opened_month_key
            and (issues.closed_month_key = -2 or spine.month_key < issues.closed_month_key)
    where spine.month_key > 0 and issues.opened_month_key > 0
    group by spine.repository_key, spine.month_key
),

open_prs as (
    select
        spine.repository_key,
        spine.month_key,
        count(*) as open_prs_end
    from spine
    inner join pull_requests
        on
            spine.repository_key = pull_requests.repository_key
            and spine.month_key >= pull_requests.opened_month_key
            and (
                pull_requests.ended_month_key = -2
                or spine.month_key < pull_requests.ended_month_key
            )
    where spine.month_key > 0 and pull_requests.opened_month_key > 0
    group by spine.repository_key, spine.month_key
),

---------- people

contributor_months as (
    select
        repository_key,
        month_key,
        sum(case when commits > 0 then 1 else 0 end) as commit_authors,
        sum(case when commits + coauthored_commits > 0 then 1 else 0 end) as commit_contributors,
        sum(case when contributions > 0 then 1 else 0 end) as active_contributors,
        sum(case when month_status = 'new' then 1 else 0 end) as new_contributors,
        sum(case when month_status = 'returning' then 1 else 0 end) as returning_contributors,
        sum(case when month_status = 'reactivated' then 1 else 0 end) as reactivated_contributors
    from user_months
    where is_human
    group by repository_key, month_key
),

active_user_months as (
    select
        user_key,
        repository_key,
        month_index,
        months_since_first,
        lead(month_index) over (
            partition by user_key, repository_key order by month_index
        ) as next_month_index
    from user_months
    where is_human and contributions > 0 and month_key > 0
),

gone_quiet as (
    select
        repository_key,
        month_index + {{ quiet_months }} as month_index,
        count(*) as contributors_gone_quiet
    from active_user_months
    where coalesce(next_month_index - month_index, {{ quiet_months }} + 1) > {{ quiet_months }}
    group by repository_key, month_index
),

newcomers as (
    select
        first_months.user_key,
        first_months.repository_key,
        first_months.month_index,
        case
            when sum(later.contributions) >= 5 or sum(later.prs_merged) > 0 then 1
            else 0
        end as has_converted
    from active_user_months as first_months
    inner join user_months as later
        on
            first_months.user_key = later.user_key
            and first_months.repository_key = later.repository_key
            and later.month_index - first_months.month_index between 0 and {{ quiet_months }}
    where first_months.months_since_first = 0
    group by first_months.user_key, first_months.repository_key, first_months.month_index
),

conversions as (
    select
        repository_key,
        month_index,
        sum(has_converted) * 1.0 / count(*) as newcomer_conversion_rate
    from newcomers
    group by repository_key, month_index
),

-- Each month's commits stand in the windows of that month and the eleven after it.
windows as (
    select
        user_months.repository_key,
        user_months.user_key,
        user_months.month_index + numbers.number as month_index,
        sum(user_months.commits) as commits
    from user_months
    inner join numbers on numbers.number < {{ risk_months }}
    where user_months.is_human and user_months.commits > 0 and user_months.month_key > 0
    group by
        user_months.repository_key,
        user_months.user_key,
        user_months.month_index + numbers.number
),

ranked_windows as (
    select
        repository_key,
        month_index,
        commits,
        row_number() over (
            partition by repository_key, month_index order by commits desc, user_key asc
        ) as contributor_rank,
        sum(commits) over (
            partition by repository_key, month_index
            order by commits desc, user_key asc
            rows between unbounded preceding and current row
        ) as running_commits,
        sum(commits) over (partition by repository_key, month_index) as window_commits
    from windows
),

risks as (
    select
        repository_key,
        month_index,
        min(case when running_commits * 2 >= window_commits then contributor_rank end)
            as contributor_absence_factor,
        max(case when contributor_rank = 1 then commits * 1.0 / window_commits end)
            as top_contributor_share
    from ranked_windows
    group by repository_key, month_index
),

---------- all together

joined as (
    select
        spine.*,
        {% for column in [
            'commits', 'commits_bot', 'commits_ai_agent', 'commits_unattributed', 'merge_commits',
            'commits_total', 'revert_commits', 'commits_web_flow', 'active_days',
        ] -%}
        coalesce(commit_months.{{ column }}, 0) as {{ column }},
        {% endfor -%}
        coalesce(authored_months.commits_by_authored_month, 0) as commits_by_authored_month,
        coalesce(issues_opened.issues_opened, 0) as issues_opened,
        coalesce(issues_opened.issues_opened_human, 0) as issues_opened_human,
        issues_opened.closed_within_30_days,
        coalesce(issues_closed.issues_closed, 0) as issues_closed,
        coalesce(issues_closed.issues_closed_completed, 0) as issues_closed_completed,
        coalesce(issues_closed.issues_closed_not_planned, 0) as issues_closed_not_planned,
        coalesce(issues_closed.issues_closed_duplicate, 0) as issues_closed_duplicate,
        issues_closed.median_days_to_close,
        issues_closed.p90_days_to_close,
        case when spine.month_key > 0 then coalesce(open_issues.open_issues_end, 0) end
            as open_issues_end,
        open_issues.median_open_age_days,
        open_issues.p90_open_age_days,
        open_issues.oldest_open_age_days,
        coalesce(prs_opened.prs_opened, 0) as prs_opened,
        coalesce(prs_opened.prs_opened_human, 0) as prs_opened_human,
        coalesce(prs_closed.prs_merged, 0) as prs_merged,
        coalesce(prs_closed.prs_closed_unmerged, 0) as prs_closed_unmerged,
        prs_closed.median_days_to_merge,
        prs_closed.p90_days_to_merge,
        case when spine.month_key > 0 then coalesce(open_prs.open_prs_end, 0) end as open_prs_end,
        {% for column in [
            'commit_authors', 'commit_contributors', 'active_contributors', 'new_contributors',
            'returning_contributors', 'reactivated_contributors',
        ] -%}
        coalesce(contributor_months.{{ column }}, 0) as {{ column }},
        {% endfor -%}
        coalesce(gone_quiet.contributors_gone_quiet, 0) as contributors_gone_quiet,
        conversions.newcomer_conversion_rate,
        risks.contributor_absence_factor,
        risks.top_contributor_share
    from spine
    {% for relation in [
        'commit_months', 'authored_months', 'issues_opened', 'issues_closed', 'open_issues',
        'prs_opened', 'prs_closed', 'open_prs', 'contributor_months',
    ] -%}
    left join {{ relation }}
        on
            spine.repository_key = {{ relation }}.repository_key
            and spine.month_key = {{ relation }}.month_key
    {% endfor -%}
    {% for relation in ['gone_quiet', 'conversions', 'risks'] -%}
    left join {{ relation }}
        on
            spine.repository_key = {{ relation }}.repository_key
            and spine.month_index = {{ relation }}.month_index
    {% endfor -%}
),

final as (
    select
        repository_key,
        month_key,
        month_start_date,
        full_name,
        is_complete_month,
        is_history_complete,
        {% for column in [
            'commits', 'commits_bot', 'commits_ai_agent', 'commits_unattributed', 'merge_commits',
            'commits_total', 'commits_by_authored_month', 'commits_web_flow', 'revert_commits',
            'active_days', 'commit_authors', 'commit_contributors', 'active_contributors',
        ] -%}
        cast({{ column }} as integer) as {{ column }},
        {% endfor -%}
        -- With a history that does not reach back to the beginning everybody would look new.
        {% for column in [
            'new_contributors', 'returning_contributors', 'reactivated_contributors',
        ] -%}
        cast(case when month_key > 0 and is_history_complete then {{ column }} end as integer)
            as {{ column }},
        {% endfor -%}
        cast(
            case when is_complete_month and is_history_complete then contributors_gone_quiet end
            as integer
        ) as contributors_gone_quiet,
        case
            when
                is_history_complete
                and {{ dbt.dateadd('month', quiet_months, 'month_start_date') }}
                < date_trunc('month', as_of_date)
                then newcomer_conversion_rate
        end as newcomer_conversion_rate,
        cast(case when is_complete_month then contributor_absence_factor end as integer)
            as contributor_absence_factor,
        case when is_complete_month then cast(top_contributor_share as double) end
            as top_contributor_share,
        {% for column in [
            'issues_opened', 'issues_opened_human', 'issues_closed', 'issues_closed_completed',
            'issues_closed_not_planned', 'issues_closed_duplicate',
        ] -%}
        cast({{ column }} as integer) as {{ column }},
        {% endfor -%}
        cast(
            issues_closed
            - issues_closed_completed
            - issues_closed_not_planned
            - issues_closed_duplicate as integer
        ) as issues_closed_unknown,
        cast(open_issues_end as integer) as open_issues_end,
        case
            when {{ dbt.dateadd('day', 30, 'month_end_date') }} <= as_of_date
                then closed_within_30_days * 1.0 / issues_opened
        end as closure_rate_30d,
        case when issues_opened > 0 then issues_closed * 1.0 / issues_opened end
            as backlog_management_index,
        median_days_to_close,
        p90_days_to_close,
        cast(median_open_age_days as double) as median_open_age_days,
        cast(p90_open_age_days as double) as p90_open_age_days,
        cast(oldest_open_age_days as integer) as oldest_open_age_days,
        {% for column in [
            'prs_opened', 'prs_opened_human', 'prs_merged', 'prs_closed_unmerged', 'open_prs_end',
        ] -%}
        cast({{ column }} as integer) as {{ column }},
        {% endfor -%}
        case
            when prs_merged + prs_closed_unmerged > 0
                then prs_merged * 1.0 / (prs_merged + prs_closed_unmerged)
        end as pr_acceptance_rate,
        median_days_to_merge,
        p90_days_to_merge
    from joined
)

select * from final
order by repository_key, month_key
