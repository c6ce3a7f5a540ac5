"""The shapes of the API's answers (version 2022-11-28): every key that lists of commits and issues carry.

Hosts are reserved example names, so that no link in the sample leads anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import orjson

from hear_app.sample.clock import iso
from hear_app.sample.graph import Commit

API = "https://api.github.example"
WEB = "https://github.example"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """A GitHub account."""

    id: int
    login: str
    type: Literal["User", "Bot", "Organization"] = "User"


@dataclass(frozen=True, slots=True)
class Signature:
    """Who and when, as git writes it, and the account that GitHub linked to the e-mail address.

    Without an account the API answers null; `{}`, which some commits carry instead, is `account="empty"`.
    """

    name: str
    email: str
    at: int
    account: Account | Literal["empty"] | None = None


@dataclass(frozen=True, slots=True)
class CommitFacts:
    """All that a commit's payload says."""

    message: str
    author: Signature
    committer: Signature
    parents: tuple[str, ...] = ()
    tree: str = ""
    is_signed: bool = False
    comment_count: int = 0


@dataclass(slots=True)
class IssueFacts:
    """All that an issue's or a pull request's payload says."""

    number: int
    title: str
    user: Account | None
    created_at: int
    updated_at: int
    body: str | None = None
    is_open: bool = True
    closed_at: int | None = None
    closed_by: Account | None = None
    state_reason: str | None = None
    labels: Sequence[Json] = ()
    assignees: Sequence[Account] = ()
    milestone: Json | None = None
    comments: int = 0
    association: str = "NONE"
    reactions: Mapping[str, int] = field(default_factory=dict)
    is_pull_request: bool = False
    is_draft: bool = False
    merged_at: int | None = None
    is_locked: bool = False


def _account_of(account: Account) -> Json:
    url = f"{API}/users/{account.login}"
    slug = account.login.removesuffix("[bot]")
    return {
        "login": account.login,
        "id": account.id,
        "node_id": f"U_{account.id}",
        "avatar_url": f"https://avatars.github.example/u/{account.id}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{WEB}/apps/{slug}" if account.type == "Bot" else f"{WEB}/{account.login}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": account.type,
        "user_view_type": "public",
        "site_admin": False,
    }


@lru_cache(maxsize=4096)
def account_row(account: Account) -> orjson.Fragment:
    """An account as it stands inside other payloads."""
    return orjson.Fragment(orjson.dumps(_account_of(account)))


def _linked(signature: Signature) -> orjson.Fragment | Json | None:
    if signature.account == "empty":
        return {}
    return account_row(signature.account) if signature.account else None


def _signed_by(signature: Signature) -> str:
    return f"{signature.name} <{signature.email}> {signature.at} +0000"


def _git_text(facts: CommitFacts, tree: str) -> str:
    parents = "".join(f"parent {sha}\n" for sha in facts.parents)
    people = f"author {_signed_by(facts.author)}\ncommitter {_signed_by(facts.committer)}\n"
    return f"tree {tree}\n{parents}{people}\n{facts.message}"


_UNSIGNED: Json = {
    "verified": False,
    "reason": "unsigned",
    "signature": None,
    "payload": None,
    "verified_at": None,
}


def _verification(facts: CommitFacts, text: str) -> Json:
    if not facts.is_signed:
        return _UNSIGNED
    lines = [hashlib.sha256(f"{turn}{text}".encode("utf-8", "replace")).hexdigest() for turn in range(8)]
    armour = "-----BEGIN PGP SIGNATURE-----\n\n{}\n-----END PGP SIGNATURE-----\n"
    return {
        "verified": True,
        "reason": "valid",
        "signature": armour.format("\n".join(lines)),
        "payload": text,
        "verified_at": iso(facts.committer.at),
    }


def commit(full_name: str, facts: CommitFacts) -> Commit:
    """The commit with its payload. Its SHA is made from its content as git makes one."""
    tree = facts.tree or _sha1(facts.message.encode("utf-8", "replace"))
    text = _git_text(facts, tree)
    encoded = text.encode("utf-8", "replace")
    sha = _sha1(b"commit %d\0%s" % (len(encoded), encoded))
    row = orjson.dumps(_commit_json(full_name, sha, tree, facts, _verification(facts, text)))
    return Commit(sha, facts.parents, facts.committer.at, row)


def plain_commit(full_name: str, message: str, at: int, parents: tuple[str, ...] = ()) -> Commit:
    """An unsigned commit by nobody in particular, for tests that are about histories."""
    nobody = Signature("Nobody", "nobody@letters.example", at)
    return commit(full_name, CommitFacts(message, nobody, nobody, parents))


def unsigned_row(full_name: str, sha: str, facts: CommitFacts) -> bytes:
    """The payload of a commit whose SHA was made up beforehand, in JSON."""
    return orjson.dumps(_commit_json(full_name, sha, sha[::-1], facts, _UNSIGNED))


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def _commit_json(full_name: str, sha: str, tree: str, facts: CommitFacts, verification: Json) -> Json:
    api, web = f"{API}/repos/{full_name}", f"{WEB}/{full_name}"
    return {
        "sha": sha,
        "node_id": f"C_{sha[:32]}",
        "commit": {
            "author": _git_person(facts.author),
            "committer": _git_person(facts.committer),
            "message": facts.message,
            "tree": {"sha": tree, "url": f"{api}/git/trees/{tree}"},
            "url": f"{api}/git/commits/{sha}",
            "comment_count": facts.comment_count,
            "verification": verification,
        },
        "url": f"{api}/commits/{sha}",
        "html_url": f"{web}/commit/{sha}",
        "comments_url": f"{api}/commits/{sha}/comments",
        "author": _linked(facts.author),
        "committer": _linked(facts.committer),
        "parents": [
            {"sha": p, "url": f"{api}/commits/{p}", "html_url": f"{web}/commit/{p}"} for p in facts.parents
        ],
    }


def _git_person(signature: Signature) -> Json:
    return {"name": signature.name, "email": signature.email, "date": iso(signature.at)}
