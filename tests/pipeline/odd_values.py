"""Values that no ordinary GitHub sends, for each field of a payload that the models read.

What a payload says is never impossible: an Enterprise server, an import of years ago or a hostile server may send
all of this.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final

Json = dict[str, Any]

ABSENT: Final = object()
ANYTHING: tuple[Any, ...] = (
    ABSENT, None, "", " ", "\x00", "\u200b", "\ufffd", "\t\n", "x", 0, -1, 1.5, 2**31, 2**63, 2.0**70, True, [],
    {}, [None], ["x"], {"id": None}, [[]],
)  # fmt: skip
_TIMES: tuple[Any, ...] = (
    "2024-05-31T23:59:59Z", "2024-06-01T00:00:00Z", "2023-12-31T23:59:59Z", "2024-02-29T00:00:00Z",
    "2024-06-15T23:59:59Z", "2024-06-16T23:59:59Z", "2024-06-17T00:00:00Z", "2024-06-01T01:59:59+02:00",
    "2024-05-31T20:00:00-07:00", "2024-05-31T23:59:59.999999999Z", "2024-05-31T23:59:60Z", "2024-05-31 23:59:59",
    "1989-12-31T23:59:59Z", "1990-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+15:00", "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-15:00", "10000-01-01T00:00:00Z", "294247-01-10T04:00:54Z", "2100-01-01T00:00:00Z",
    "44-03-15 (BC)", "infinity", "-infinity", "epoch", "now", "soon", "2024-02-30T00:00:00Z", 1717200000,
)  # fmt: skip
_TEXTS: tuple[Any, ...] = (
    "Ann @ Acme Inc. (x)", "x@y@c.d z.w", "a@b.c@d.e", "@a@b.c", "Ann <ann@x.org>", "a\x00b", "\u202egpj.exe",
    "' or 1=1 --", "{{ x }}", "%_@_%._%", "A|B", "ghost", "Ghost", "web-flow", "dependabot[bot]", "😀" * 300,
    "a@b", "5",
)  # fmt: skip
_LOGINS: tuple[Any, ...] = (*_TEXTS, "ANN", "ann@x.org", "copilot", "account:1", "a" * 5000)
_EMAILS: tuple[Any, ...] = (
    *_TEXTS, "noreply@github.com", "ANN@X.ORG", "1+ann@users.noreply.github.com", "@users.noreply.github.com",
    "99999999999999999999+ann@users.noreply.github.com", "ghost@users.noreply.github.com", "@", "a@",
    "@b", "a@b@c", "0+@users.noreply.github.com", "77+web-flow@users.noreply.github.com", " ann@x.org\x00",
    "<ann@x.org>",
)  # fmt: skip
_IDS: tuple[Any, ...] = (1, "1", " 7", "0x10", "1e3", 2**63 - 1, -(2**63), 2**64, 10**30, "ann", {"id": 1})
_COUNTS: tuple[Any, ...] = (2**31 - 1, -(2**31), "12", "many", 1e300)
_STATES: tuple[Any, ...] = ("OPEN", "Closed", "merged", "locked", "closed", "reopened", "not_planned", "duplicate")
_FLAGS: tuple[Any, ...] = ("true", "no", "2", 1)
_LABELS: tuple[Any, ...] = (
    ["bug", "bug"], [{"name": "bug"}, {"name": "bug"}], [{"id": 5, "name": "bug"}, {"id": 5, "name": "Bug"}],
    [{"id": 5, "name": "bug"}, {"id": 6, "name": "bug"}], [{"id": 5, "name": "bug"}, {"id": None, "name": "5"}],
    [{"id": 5, "name": None}, {"id": 6, "name": "5"}, {"name": ""}], [{"id": "x"}, {"id": 2**63, "name": "far"}],
    [{"id": 1.5, "name": "half"}, {"id": 2, "name": "two"}], [{"id": {}, "name": {}, "color": []}],
    [{"id": 9, "name": "\x00"}, {"id": 8, "name": "\u200b", "color": 7}], "bug", {"id": 5, "name": "bug"},
    [{"id": at, "name": f"label {at % 900}", "color": None} for at in range(1000)],
    [None, {"id": 5, "name": "bug"}],
)  # fmt: skip
_ASSIGNEES: tuple[Any, ...] = (
    [{"id": 1, "login": "ann"}, {"id": 1, "login": "ANN"}], [{"login": "ann"}, {"id": 1}], [{"id": 0}, {"id": -1}],
    [{"id": 3, "login": "ghost", "type": "Mannequin"}, {"id": 4, "login": None, "type": "Organization"}],
    [{"id": "1", "login": 5}, {"id": 2**63, "login": "far"}], {"id": 1, "login": "ann"}, "ann", [[1]],
)  # fmt: skip
_PARENTS: tuple[Any, ...] = (
    [{"sha": "a" * 40}, {"sha": "a" * 40}], [{"sha": None}], [{}], "none", {"sha": "a" * 40},
    [{"sha": {"sha": 1}}], [{"sha": str(at)} for at in range(70)],
)  # fmt: skip
_MESSAGES: tuple[Any, ...] = (
    "x\n\nCo-authored-by: Ann <1+ann@users.noreply.github.com>\nCo-authored-by: ann <ANN@X.ORG>",
    "x\n\nCo-authored-by: <>\nCo-authored-by: nobody\nco-authored-by: < > \nCO-AUTHORED-BY: \x00 <\x00>",
    "x\n\nCo-authored-by: a@b.c <d@e.f> <g@h.i>\r\nCo-authored-by: Bob <bob>\nCo-authored-by: > < <<a@b.c>>",
    "x\n\n" + "".join(f"Co-authored-by: P{at} <p{at}@x.org>\n" for at in range(300)),
    'Revert "', "revert:", ":", "feat(", "\r\n\r\n", "y" * 2**20, "Revert: \u2028 feat!: (x)",
)  # fmt: skip

_USER: dict[str, Sequence[Any]] = {
    "": ({"login": "ghost", "id": 10137}, {"login": "ANN", "id": 2}, {"login": "bob", "id": 1}),
    ".id": _IDS, ".login": _LOGINS, ".type": ("Mannequin", "Organization", "Bot", "bot"),
}  # fmt: skip
_SIGNATURE: dict[str, Sequence[Any]] = {"": (), ".name": _TEXTS, ".email": _EMAILS, ".date": _TIMES}


def _below(path: str, values: dict[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    return {f"{path}{name}": some for name, some in values.items()}


COMMIT: dict[str, Sequence[Any]] = {
    **_below("author", _USER), **_below("committer", _USER), "commit": (), **_below("commit.author", _SIGNATURE),
    **_below("commit.committer", _SIGNATURE), "commit.message": _MESSAGES, "commit.comment_count": _COUNTS,
    "commit.verification": (), "commit.verification.verified": _FLAGS, "parents": _PARENTS,
}  # fmt: skip
ISSUE: dict[str, Sequence[Any]] = {
    "id": _IDS, **_below("user", _USER), **_below("closed_by", _USER), "title": _TEXTS, "state": _STATES,
    "state_reason": _STATES, "author_association": _STATES, "milestone": (), "milestone.title": _TEXTS,
    "labels": _LABELS, "assignees": _ASSIGNEES, "draft": _FLAGS, "locked": _FLAGS, "comments": _COUNTS,
    "reactions": (), "reactions.total_count": _COUNTS, "created_at": _TIMES, "closed_at": _TIMES,
    "updated_at": _TIMES,
}  # fmt: skip
PULL_REQUEST: dict[str, Sequence[Any]] = {
    "pull_request": (), "pull_request.merged_at": _TIMES, "closed_at": _TIMES, "created_at": _TIMES,
    "state": _STATES,
}  # fmt: skip
REPOSITORY: dict[str, Sequence[Any]] = {
    "full_name": (*_TEXTS, "acme/same"), "owner": (), "owner.login": _TEXTS, "name": _TEXTS,
    "description": _TEXTS, "default_branch": _TEXTS, "language": (), "html_url": (), "fork": _FLAGS,
    "archived": _FLAGS, "private": _FLAGS, "created_at": _TIMES,
}  # fmt: skip


def with_value(document: Json, path: str, value: Any) -> Json:
    """A copy of a document with another value, or none, at a dotted path; objects on the way are made."""
    changed = copy.deepcopy(document)
    *way, last = path.split(".")
    place = changed
    for name in way:
        if not isinstance(place.get(name), dict):
            place[name] = {}
        place = place[name]
    if value is ABSENT:
        place.pop(last, None)
    else:
        place[last] = value
    return changed
