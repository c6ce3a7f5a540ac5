"""The embedded sample: five invented repositories over four years, the same bytes on every machine."""

from __future__ import annotations

from collections.abc import Callable

from hear_app.sample import issue_payloads, people, words
from hear_app.sample.calendar import Calendar
from hear_app.sample.clock import DAY, HOUR, NOW
from hear_app.sample.crew import Crew
from hear_app.sample.dice import Dice
from hear_app.sample.history import SampleRepository
from hear_app.sample.oddities import odd_commits, odd_issues
from hear_app.sample.payloads import Json
from hear_app.sample.plans import PLANS, Plan
from hear_app.sample.texts import Writer
from hear_app.sample.tracker import Item, Tracker
from hear_app.sample.workflow import Workshop

_SEED = "brackwater"
_REVERTED = 0.012

Event = tuple[int, int, Callable[[int], None]]


def generate(seed: str = _SEED) -> dict[str, SampleRepository]:
    """The sample's repositories by full name; another seed makes others of the same kind."""
    made = [_repository(plan, seed, turn) for turn, plan in enumerate(PLANS)]
    return {repository.full_name: repository for repository in made}


def _repository(plan: Plan, seed: str, turn: int) -> SampleRepository:
    repository = SampleRepository(plan.identity, people.OWNER, plan.name, plan.facts)
    calendar = Calendar(plan.first, plan.quiet)
    repository.pushed_at = calendar.start
    repository.labels = _labels(repository.full_name, plan.identity)
    items = _filled_tracker(repository, plan, calendar, f"{seed}/{plan.name}", turn)
    for item in items:
        repository.put_issue(item.facts)
    if plan.direct:
        _write_history(repository, plan, calendar, f"{seed}/{plan.name}", turn, items)
    return repository


def _labels(full_name: str, identity: int) -> list[Json]:
    first = identity * 10
    return [
        issue_payloads.label(full_name, first + turn, name, color, description)
        for turn, (name, color, description) in enumerate(words.LABELS)
    ]


def _milestones(full_name: str, calendar: Calendar) -> list[Json]:
    opened = [calendar.start + year * 365 * DAY for year in range(3)]
    creator = people.OWNER
    return [
        issue_payloads.milestone(full_name, turn + 1, creator, at, at + 400 * DAY)
        for turn, at in enumerate(opened)
    ]


def _filled_tracker(
    repository: SampleRepository, plan: Plan, calendar: Calendar, seed: str, turn: int
) -> list[Item]:
    dice = Dice(f"{seed}/tracker")
    writer = Writer(dice, words.SCOPES.get(plan.name, ("core",)))
    tracker = Tracker(plan, dice, calendar, Crew(dice, calendar.start, turn), writer)
    labels = {label["name"]: label for label in repository.labels}
    items = tracker.fill(labels, _milestones(repository.full_name, calendar))
    odd_issues(plan.name, items)
    return items


def _write_history(
    repository: SampleRepository, plan: Plan, calendar: Calendar, seed: str, turn: int, items: list[Item]
) -> None:
    dice = Dice(f"{seed}/history")
    writer = Writer(dice, words.SCOPES.get(plan.name, ("core",)))
    shop = Workshop(repository.full_name, dice, calendar, Crew(dice, calendar.start, turn), writer)
    shop.direct(calendar.start + 8 * HOUR)
    for at, _, happen in _events(plan, shop, calendar, dice, items):
        happen(at)
        if dice.chance(_REVERTED) and at + HOUR < NOW:
            shop.revert(at + HOUR)
    repository.push(shop.commits, branch=repository.default_branch)
    repository.force_push(shop.tip()[0])


def _events(plan: Plan, shop: Workshop, calendar: Calendar, dice: Dice, items: list[Item]) -> list[Event]:
    """All that reaches the default branch, in the order of time; the second member only settles ties."""
    found: list[tuple[int, Callable[[int], None]]] = []
    found += [(calendar.moment(dice), shop.direct) for _ in range(plan.direct)]
    for item in items:
        if item.facts.merged_at is not None and item.author is not None:
            found.append((item.facts.merged_at, _landing(shop, item, dice.weighted(plan.merging))))
    found += [(at, _odd(shop, what)) for at, what in odd_commits(plan.name)]
    return sorted((at, turn, happen) for turn, (at, happen) in enumerate(found))


def _landing(shop: Workshop, item: Item, how: str) -> Callable[[int], None]:
    def land(_: int) -> None:
        if item.author is not None:
            shop.pull(item, item.author, how)

    return land


def _odd(shop: Workshop, what: Callable[[Workshop, int], None]) -> Callable[[int], None]:
    return lambda at: what(shop, at)
