"""Issues and pull requests: who opens them, how long they stay open, and how they end."""

from __future__ import annotations

from dataclasses import dataclass

from hear_app.sample import people, words
from hear_app.sample.calendar import Calendar
from hear_app.sample.clock import DAY, HOUR, MINUTE, NOW
from hear_app.sample.crew import Crew, association
from hear_app.sample.dice import Dice
from hear_app.sample.payloads import Account, IssueFacts, Json
from hear_app.sample.people import Person
from hear_app.sample.plans import Plan
from hear_app.sample.texts import Writer

_ISSUE_AUTHORS = {"visitor": 44, "regular": 34, "maintainer": 22}
_PULL_AUTHORS = {"maintainer": 30, "regular": 40, "visitor": 12, "updates": 12, "agent": 6}
_ENDS = {"completed": 66, "not_planned": 11, "duplicate": 3, "open": 17, "reopened": 3}


@dataclass(slots=True)
class Item:
    """An issue or pull request in the making; `author` is None where the account was deleted."""

    facts: IssueFacts
    author: Person | None
    branch: str = ""


class Tracker:
    """The tracker of one repository."""

    def __init__(self, plan: Plan, dice: Dice, calendar: Calendar, crew: Crew, writer: Writer) -> None:
        self._plan, self._dice, self._calendar = plan, dice, calendar
        self._crew, self._writer = crew, writer
        self._merged_before: set[str] = set()
        self.items: list[Item] = []

    def fill(self, labels: dict[str, Json], milestones: list[Json]) -> list[Item]:
        """All issues and pull requests, in the order of their numbers."""
        times = sorted(self._calendar.moment(self._dice) for _ in range(self._plan.items))
        number = 0
        for at in times:
            # A number is missing where an issue was deleted, or moved to another repository.
            number += 2 if self._dice.chance(0.008) else 1
            is_pull = self._dice.chance(self._plan.pulls)
            item = self._pull_request(number, at) if is_pull else self._issue(number, at)
            self._dress(item, labels, milestones)
            self.items.append(item)
        self._answer_issues()
        for item in self.items:
            self._settle(item.facts)
        return self.items

    def _issue(self, number: int, at: int) -> Item:
        author = self._crew.someone(at, _ISSUE_AUTHORS)
        facts = self._facts(number, at, author, self._writer.title())
        self._end_issue(facts, self._dice.weighted(_ENDS))
        if self._dice.chance(0.04):
            facts.user = self._dice.pick((None, people.GHOST))
            facts.association = "NONE"
            return Item(facts, None)
        return Item(facts, author)

    def _facts(self, number: int, at: int, author: Person, title: str) -> IssueFacts:
        relation = association(author, author.name in self._merged_before)
        body = self._writer.issue_body()
        return IssueFacts(number, title, author.account, at, at, body, association=relation)

    def _end_issue(self, facts: IssueFacts, end: str) -> None:
        closed = self._calendar.awake(facts.created_at + self._dice.delay(6 * DAY, 900 * DAY))
        if end == "open" or closed >= NOW:
            return
        if end == "reopened" and self._dice.chance(0.6):
            facts.state_reason = "reopened"
            facts.updated_at = closed
            return
        self._close(facts, closed, "completed" if end == "reopened" else end)

    def _close(self, facts: IssueFacts, at: int, reason: str | None) -> None:
        facts.is_open, facts.closed_at, facts.state_reason = False, at, reason
        by_author = self._dice.chance(0.2)
        facts.closed_by = facts.user if by_author else self._crew.maintainer(at).account
        if self._dice.chance(0.03):
            facts.closed_by = None

    def _pull_request(self, number: int, at: int) -> Item:
        author = self._crew.someone(at, _PULL_AUTHORS)
        is_update = author is people.DEPENDENCY_BOT
        title = self._writer.update() if is_update else self._writer.subject()
        facts = self._facts(number, at, author, title)
        facts.is_pull_request = True
        self._end_pull(facts, HOUR * 5 if is_update else 30 * HOUR)
        if facts.merged_at is not None:
            self._merged_before.add(author.name)
        return Item(facts, author, self._writer.branch())

    def _end_pull(self, facts: IssueFacts, median: int) -> None:
        closed = self._calendar.awake(facts.created_at + 5 * MINUTE + self._dice.delay(median, 150 * DAY))
        end = self._dice.weighted({"merged": 82, "closed": 13, "open": 5})
        if end == "open" or closed >= NOW:
            facts.is_draft = self._dice.chance(0.4)
            return
        self._close(facts, closed, None)
        facts.merged_at = closed if end == "merged" else None
        facts.is_draft = end == "closed" and self._dice.chance(0.1)

    def _dress(self, item: Item, labels: dict[str, Json], milestones: list[Json]) -> None:
        """Labels, assignees, a milestone, comments and reactions."""
        facts, dice = item.facts, self._dice
        if item.author is people.DEPENDENCY_BOT:
            facts.labels = [labels["dependencies"]]
        elif dice.chance(0.65):
            names = {dice.weighted(words.ISSUE_LABELS): None for _ in range(dice.between(1, 3))}
            facts.labels = [labels[name] for name in names]
        if dice.chance(0.3):
            facts.assignees = self._assignees(dice.between(1, 3) if dice.chance(0.2) else 1)
        if milestones and dice.chance(0.15):
            facts.milestone = dice.pick(milestones)
        facts.comments = dice.delay(2, 60) - 1
        if dice.chance(0.18):
            facts.reactions = {"+1": dice.delay(2, 40), "heart": dice.below(3), "eyes": dice.below(2)}

    def _assignees(self, number: int) -> list[Account]:
        chosen = self._dice.several(self._crew.maintainers, number)
        return [person.account for person in chosen if person.account]

    def _answer_issues(self) -> None:
        """Some pull requests close an issue that was open before them, at the second they are merged."""
        for place, item in enumerate(self.items):
            merged_at, reach = item.facts.merged_at, self._dice.between(1, 30)
            if merged_at is None or reach > place or not self._dice.chance(0.35):
                continue
            issue = self.items[place - reach].facts
            if not issue.is_pull_request and issue.is_open and issue.state_reason is None:
                self._close(issue, merged_at, "completed")
                item.facts.body = f"{item.facts.body or ''}\n\nFixes #{issue.number}"

    def _settle(self, facts: IssueFacts) -> None:
        """The last change: closing it, or talk that went on; never after today."""
        last = max(facts.created_at, facts.closed_at or 0, facts.updated_at)
        if facts.comments and self._dice.chance(0.6):
            last = max(last, self._calendar.awake(last + self._dice.delay(2 * DAY, 300 * DAY)))
        facts.updated_at = last if last < NOW else NOW - self._dice.between(MINUTE, 20 * DAY)
        facts.updated_at = max(facts.updated_at, facts.created_at, facts.closed_at or 0)
