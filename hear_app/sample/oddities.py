"""The rows that break naive tools, one of each, put into otherwise ordinary histories and trackers."""

from __future__ import annotations

from collections.abc import Callable

from hear_app.sample import people
from hear_app.sample.clock import DAY, seconds
from hear_app.sample.payloads import Signature
from hear_app.sample.tracker import Item
from hear_app.sample.workflow import Workshop

RELABELLED_AT = seconds("2025-11-03T09:00:00Z")
"""The second at which a script touched more issues at once than fit on a page."""
_RELABELLED = 140
_LARGE_BODY = 100 * 1024

HOSTILE_TITLE = (
    "<script>alert('tide')</script> **bold** | `x` '; drop table issues; -- [a](javascript:b) \u202egpj.exe"
)
NUL_BODY = "The log has a byte of zero in it: >\x00< and goes on."
LONE_SURROGATE_BODY = "Cut in the middle of an emoji: \ud83d"
"""Half of a pair, as JavaScript programs cut strings: legal in JSON as an escape, but no character."""


def odd_commits(name: str) -> list[tuple[int, Callable[[Workshop, int], None]]]:
    """When something odd happens to a repository's history, and what."""
    plan: dict[str, list[tuple[str, Callable[[Workshop, int], None]]]] = {
        "tidegauge": [
            ("2023-05-09T14:20:11Z", _dated_1970),
            ("2023-11-30T10:05:00Z", _octopus),
            ("2024-02-29T23:59:59Z", _authored_later),
            ("2025-03-18T16:40:00Z", _long_lived_branch),
        ],
        "saltmap": [
            ("2023-08-14T08:15:30Z", _hostile_message),
            ("2025-01-01T00:00:00Z", _windows_line_ends),
        ],
        "estuary-notes": [
            ("2023-01-31T23:59:59Z", _without_address),
            ("2024-03-12T09:00:00Z", _dated_2082),
            ("2025-06-30T12:00:00Z", _without_message),
        ],
    }
    return [(seconds(at), what) for at, what in plan.get(name, [])]


def _straight(shop: Workshop, at: int, message: str, author: Signature, committer: Signature) -> None:
    shop.land(shop.commit(message, author, committer, shop.tip()), at)


def _dated_1970(shop: Workshop, at: int) -> None:
    board = people.STRANGERS[-1].signs(0)
    _straight(shop, at, "Readings committed by a board without a clock battery", board, board)


def _dated_2082(shop: Workshop, at: int) -> None:
    ahead = people.VISITORS[0].signs(seconds("2082-03-04T05:06:07Z"))
    _straight(shop, at, "Correct the chapter on clocks", ahead, ahead)


def _authored_later(shop: Workshop, at: int) -> None:
    who = people.REGULARS[0]
    _straight(shop, at, "fix(clock): trust the receiver", who.signs(at + 3 * DAY), who.signs(at))


def _hostile_message(shop: Workshop, at: int) -> None:
    who = people.VISITORS[2].signs(at)
    _straight(shop, at, f"{HOSTILE_TITLE}\n\n{{{{ ref('x') }}}} $(rm -rf /) %s \\0 \"quoted\", =1+1", who, who)


def _windows_line_ends(shop: Workshop, at: int) -> None:
    who = people.REGULARS[12].signs(at)
    message = "תיקון: legend 🌊 right to left\r\n\r\nCo-Authored-By: Ana Costa <ana-costa@harbourmail.example>\r\n"
    _straight(shop, at, message, who, who)


def _without_address(shop: Workshop, at: int) -> None:
    nobody = Signature("Quay Terminal", "", at)
    _straight(shop, at, "Update from the terminal at the quay", nobody, nobody)


def _without_message(shop: Workshop, at: int) -> None:
    who = people.VISITORS[10].signs(at)
    _straight(shop, at, "", who, who)


def _octopus(shop: Workshop, at: int) -> None:
    base = shop.tip_at(at - 9 * DAY)
    tips = tuple(shop.branch_commit(base, people.REGULARS[place], at - 2 * DAY + place) for place in (1, 2))
    who = people.MAINTAINERS[0].signs(at)
    shop.land(shop.commit("Merge branches 'probes' and 'piers'", who, who, (*shop.tip(), *tips)), at)


def _long_lived_branch(shop: Workshop, at: int) -> None:
    """Half a year of work on a branch, kept up to date with the default one, that lands at once."""
    begun = at - 170 * DAY
    tip = shop.tip_at(begun)
    for turn in range(28):
        then = begun + turn * 6 * DAY
        if turn % 7 == 6:
            tip = shop.catch_up(tip, people.MAINTAINERS[1], then)
        tip = shop.branch_commit(tip, people.MAINTAINERS[turn % 3], then)
    who = people.MAINTAINERS[1].signs(at)
    shop.land(shop.commit("Merge branch 'next'", who, who, (*shop.tip(), tip)), at)


def odd_issues(name: str, items: list[Item]) -> None:
    """Change some of a repository's issues into odd ones."""
    plain = [item.facts for item in items if not item.facts.is_pull_request and item.author]
    if name == "saltmap":
        plain[20].title = HOSTILE_TITLE
        plain[30].body = NUL_BODY
        plain[40].body = LONE_SURROGATE_BODY
        plain[50].body = ("0123456789abcde\n" * (_LARGE_BODY // 16 + 1))[:_LARGE_BODY]
        plain[60].is_locked = True
    if name == "tidegauge":
        for facts in [each for each in plain if each.updated_at < RELABELLED_AT][:_RELABELLED]:
            facts.updated_at = RELABELLED_AT
