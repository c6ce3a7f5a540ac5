"""Payloads of issues, pull requests (as the issue list shows them), labels, milestones and repositories."""

from __future__ import annotations

import json
from collections.abc import Mapping

import orjson

from hear_app.sample.clock import iso
from hear_app.sample.payloads import API, WEB, Account, IssueFacts, Json, account_row

REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def label(full_name: str, identity: int, name: str, color: str, description: str | None) -> Json:
    """A label, as it stands in an issue and in the list of labels."""
    return {
        "id": identity,
        "node_id": f"LA_{identity}",
        "url": f"{API}/repos/{full_name}/labels/{name.replace(' ', '%20')}",
        "name": name,
        "color": color,
        "default": name in ("bug", "documentation", "enhancement", "question"),
        "description": description,
    }


def milestone(full_name: str, number: int, creator: Account, opened: int, due: int) -> Json:
    """A milestone that is still open, titled `1.0`, `2.0`, ...; times in seconds since 1970."""
    url = f"{API}/repos/{full_name}/milestones/{number}"
    return {
        "url": url,
        "html_url": f"{WEB}/{full_name}/milestone/{number}",
        "labels_url": f"{url}/labels",
        "id": 9_000_000 + number,
        "node_id": f"MI_{9_000_000 + number}",
        "number": number,
        "title": f"{number}.0",
        "description": "",
        "creator": account_row(creator),
        "open_issues": 0,
        "closed_issues": 0,
        "state": "open",
        "created_at": iso(opened),
        "updated_at": iso(opened),
        "due_on": iso(due),
        "closed_at": None,
    }


def issue(full_name: str, identity: int, facts: IssueFacts) -> bytes:
    """The issue or pull request as the list answers it, in JSON; `identity` is its id among all issues."""
    row = _issue_json(full_name, identity, facts)
    try:
        return orjson.dumps(row)
    except TypeError:
        # A lone surrogate: orjson refuses what the standard library writes as an escape, and GitHub sends so.
        return orjson.dumps(row | {"body": orjson.Fragment(json.dumps(facts.body))})


def _issue_json(full_name: str, identity: int, facts: IssueFacts) -> Json:
    url = f"{API}/repos/{full_name}/issues/{facts.number}"
    kind = "pull" if facts.is_pull_request else "issues"
    assignees = [account_row(account) for account in facts.assignees]
    row: Json = {
        "url": url,
        "repository_url": f"{API}/repos/{full_name}",
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": f"{WEB}/{full_name}/{kind}/{facts.number}",
        "id": identity,
        "node_id": f"{'PR' if facts.is_pull_request else 'I'}_{identity}",
        "number": facts.number,
        "title": facts.title,
        "user": _row_or_none(facts.user),
        "labels": list(facts.labels),
        "state": "open" if facts.is_open else "closed",
        "locked": facts.is_locked,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "milestone": facts.milestone,
        "comments": facts.comments,
        "created_at": iso(facts.created_at),
        "updated_at": iso(facts.updated_at),
        "closed_at": _time_or_none(facts.closed_at),
        "author_association": facts.association,
        "type": None,
        "active_lock_reason": "resolved" if facts.is_locked else None,
        "sub_issues_summary": {"total": 0, "completed": 0, "percent_completed": 0},
        "issue_dependencies_summary": {
            "blocked_by": 0,
            "total_blocked_by": 0,
            "blocking": 0,
            "total_blocking": 0,
        },
        "body": facts.body,
        "closed_by": _row_or_none(facts.closed_by),
        "reactions": _reactions(url, facts.reactions),
        "timeline_url": f"{url}/timeline",
        "performed_via_github_app": None,
        "state_reason": facts.state_reason,
    }
    if facts.is_pull_request:
        row |= {"draft": facts.is_draft, "pull_request": _pull_request(full_name, facts)}
    return row


def _pull_request(full_name: str, facts: IssueFacts) -> Json:
    web = f"{WEB}/{full_name}/pull/{facts.number}"
    return {
        "url": f"{API}/repos/{full_name}/pulls/{facts.number}",
        "html_url": web,
        "diff_url": f"{web}.diff",
        "patch_url": f"{web}.patch",
        "merged_at": _time_or_none(facts.merged_at),
    }


def _reactions(url: str, counts: Mapping[str, int]) -> Json:
    each = {name: counts.get(name, 0) for name in REACTIONS}
    return {"url": f"{url}/reactions", "total_count": sum(each.values()), **each}


def _row_or_none(account: Account | None) -> orjson.Fragment | None:
    return account_row(account) if account else None


def _time_or_none(at: int | None) -> str | None:
    return None if at is None else iso(at)
