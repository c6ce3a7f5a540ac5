"""How long a first sync takes without a token: sixty requests an hour are soon gone."""

from __future__ import annotations

from hear_app.errors import GitHubError
from hear_app.github.client import Client
from hear_app.github.pages import PAGE_SIZES, last_page_number
from hear_app.github.repositories import Repository


def estimate(client: Client, repository: Repository) -> str:
    """A sentence on the requests that a first sync needs against the hourly limit; costs two requests.

    The count of commits is the last page's number at one a page; the newest issue's number bounds the issues.
    """
    name = repository.full_name
    try:
        commits = last_page_number(client.get(f"/repos/{name}/commits?per_page=1")) or 1
    except GitHubError:
        commits = 0
    issues = _newest_number(client, name) if repository.has_issues is not False else 0
    requests = sum(-(-count // PAGE_SIZES[0]) for count in (commits, issues)) + 3
    text = f"{name}: about {requests:,} requests for {commits:,} commits and at most {issues:,} issues"
    limit = client.limits.quota.limit
    if not limit:
        return text
    hours = -(-requests // limit) - 1
    return f"{text}, of {limit:,} an hour" + (
        f": about {hours:,} h of waiting. Set GITHUB_TOKEN." if hours else ""
    )


def _newest_number(client: Client, name: str) -> int:
    request = f"/repos/{name}/issues?state=all&sort=created&direction=desc&per_page=1"
    try:
        return max((int(row["number"]) for row in client.get(request).document), default=0)
    except (GitHubError, KeyError, TypeError, ValueError):
        return 0
