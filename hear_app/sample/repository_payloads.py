"""The payload of `GET /repos/OWNER/NAME`: the facts that matter, and the many links that GitHub adds."""

from __future__ import annotations

import orjson

from hear_app.sample.clock import iso
from hear_app.sample.payloads import API, WEB, Account, Json, account_row

_LINKS = {
    "forks_url": "/forks",
    "keys_url": "/keys{/key_id}",
    "collaborators_url": "/collaborators{/collaborator}",
    "teams_url": "/teams",
    "hooks_url": "/hooks",
    "issue_events_url": "/issues/events{/number}",
    "events_url": "/events",
    "assignees_url": "/assignees{/user}",
    "branches_url": "/branches{/branch}",
    "tags_url": "/tags",
    "blobs_url": "/git/blobs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "trees_url": "/git/trees{/sha}",
    "statuses_url": "/statuses/{sha}",
    "languages_url": "/languages",
    "stargazers_url": "/stargazers",
    "contributors_url": "/contributors",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "commits_url": "/commits{/sha}",
    "git_commits_url": "/git/commits{/sha}",
    "comments_url": "/comments{/number}",
    "issue_comment_url": "/issues/comments{/number}",
    "contents_url": "/contents/{+path}",
    "compare_url": "/compare/{base}...{head}",
    "merges_url": "/merges",
    "archive_url": "/{archive_format}{/ref}",
    "downloads_url": "/downloads",
    "issues_url": "/issues{/number}",
    "pulls_url": "/pulls{/number}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "labels_url": "/labels{/name}",
    "releases_url": "/releases{/id}",
    "deployments_url": "/deployments",
}


def repository(
    identity: int, name: str, owner: Account, facts: Json, *, pushed_at: int, open_issues: int
) -> bytes:
    """The repository in JSON. `facts` names what differs from a plain public repository, as its stars."""
    full_name = f"{owner.login}/{name}"
    row = _heading(identity, name, owner, full_name)
    row |= {key: f"{API}/repos/{full_name}{rest}" for key, rest in _LINKS.items()}
    row |= _state(full_name) | facts
    row |= {"updated_at": iso(pushed_at), "pushed_at": iso(pushed_at)}
    row |= {"open_issues_count": open_issues, "open_issues": open_issues}
    row |= {"forks": row["forks_count"], "watchers": row["stargazers_count"]}
    row |= {"watchers_count": row["stargazers_count"], "organization": account_row(owner)}
    return orjson.dumps(row)


def _heading(identity: int, name: str, owner: Account, full_name: str) -> Json:
    return {
        "id": identity,
        "node_id": f"R_{identity}",
        "name": name,
        "full_name": full_name,
        "private": False,
        "owner": account_row(owner),
        "html_url": f"{WEB}/{full_name}",
        "description": None,
        "fork": False,
        "url": f"{API}/repos/{full_name}",
    }


def _state(full_name: str) -> Json:
    return {
        "created_at": "2022-06-01T08:00:00Z",
        "git_url": f"git://github.example/{full_name}.git",
        "ssh_url": f"git@github.example:{full_name}.git",
        "clone_url": f"{WEB}/{full_name}.git",
        "svn_url": f"{WEB}/{full_name}",
        "homepage": "",
        "size": 2048,
        "stargazers_count": 0,
        "language": "Python",
        "has_issues": True,
        "has_projects": False,
        "has_downloads": True,
        "has_wiki": False,
        "has_pages": False,
        "has_discussions": False,
        "forks_count": 0,
        "mirror_url": None,
        "archived": False,
        "disabled": False,
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "visibility": "public",
        "default_branch": "main",
        "permissions": {"admin": False, "maintain": False, "push": False, "triage": False, "pull": True},
        "temp_clone_token": None,
        "custom_properties": {},
        "network_count": 0,
        "subscribers_count": 0,
    }
