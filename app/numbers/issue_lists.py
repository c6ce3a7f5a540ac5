"""Issues one by one: the lists to work from, and the rows behind the charts."""

from __future__ import annotations

import polars as pl

from app.filters import Filters
from app.queries import ask, ask_row

_LIST = """
    select
        i.title, r.full_name as repository, i.issue_number as number, i.open_age_days, i.inactive_days,
        i.comments_count as comments, coalesce(u.login, u.display_name) as author, i.opened_at,
        r.html_url || '/issues/' || i.issue_number as link
    from gold.fct_issues as i
    inner join gold.dim_repository as r using (repository_key)
    inner join gold.dim_user as u on i.author_user_key = u.user_key
    where list_contains($repos, i.repository_key) and i.is_open
"""
_LISTS = {
    "Oldest": "order by i.opened_at, i.issue_key limit 200",
    "Unanswered": """
        and i.is_unanswered
        order by i.opened_at desc, i.issue_key limit 200""",
    "Stale": "and i.inactive_days >= 90 order by i.inactive_days desc, i.issue_key limit 200",
}
LISTS = {
    "Oldest": "Open longest.",
    "Unanswered": "Open, without a comment, from people who are not of the project. Comments are only counted, "
    "so this is a lower bound.",
    "Stale": "Without any update for 90 days or more. Bots' label changes count as updates.",
}


def work_list(chosen: Filters, name: str) -> pl.DataFrame:
    """The open issues of one of LISTS, 200 at most."""
    return ask((_LIST, _LISTS[name]), chosen.params)


def open_now(chosen: Filters) -> dict[str, int]:
    """n, unanswered, stale, oldest_days: of the issues that are open as of the last sync."""
    return ask_row(
        """
        select
            count(*) as n,
            count(*) filter (where is_unanswered) as unanswered,
            count(*) filter (where inactive_days >= 90) as stale,
            max(open_age_days) as oldest_days
        from gold.fct_issues
        where list_contains($repos, repository_key) and is_open
        """,
        chosen.params,
    )


def rows(chosen: Filters) -> pl.DataFrame:
    """The issues opened or closed in the period, newest first, with links."""
    return ask(
        """
        select
            i.opened_at, i.closed_at, r.full_name as repository, i.issue_number as number, i.title, i.state,
            i.state_reason, coalesce(u.login, u.display_name) as author, i.days_to_close,
            r.html_url || '/issues/' || i.issue_number as link
        from gold.fct_issues as i
        inner join gold.dim_repository as r using (repository_key)
        inner join gold.dim_user as u on i.author_user_key = u.user_key
        where list_contains($repos, i.repository_key)
            and (i.opened_at >= $since and i.opened_at < $until or i.closed_at >= $since and i.closed_at < $until)
        order by greatest(i.opened_at, coalesce(i.closed_at, i.opened_at)) desc, i.issue_key
        limit 1000
        """,
        chosen.params,
    )
