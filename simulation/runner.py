"""Tries many seeds in several processes, and makes one that fails smaller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context

from simulation import cohort
from simulation.plan import Plan, draw, smaller

COHORT = 200  # seeds that share a build: a build takes seconds however little there is
_LESSER = 20  # plans tried at once to make a failure smaller: one of the first mostly fails still


def attempt(plans: Sequence[Plan]) -> dict[int, list[str]]:
    """What should not be, by seed. Where something stops all, it is looked for by halves."""
    try:
        return cohort.run(plans)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    if len(plans) == 1:
        return {plans[0].seed: [said]}
    middle = len(plans) // 2
    found = attempt(plans[:middle]) | attempt(plans[middle:])
    if not any(found.values()):
        found[plans[0].seed] = [f"all up to {plans[-1].seed} fail together, and none by itself: {said}"]
    return found


def _try(seeds: Sequence[int]) -> dict[int, list[str]]:
    return attempt([draw(seed) for seed in seeds])


def failing(first: int, count: int, processes: int) -> Iterator[tuple[int, list[str]]]:
    """The seeds that fail, with what is wrong, as they are found."""
    seeds = range(first, first + count)
    size = min(COHORT, -(-count // processes))
    portions = [seeds[at : at + size] for at in range(0, count, size)]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for done in as_completed([pool.submit(_try, portion) for portion in portions]):
            yield from ((seed, failures) for seed, failures in sorted(done.result().items()) if failures)


def shrink(plan: Plan) -> Plan:
    """The same failure with less: things are left out, one at a time, for as long as it still fails."""
    while (lesser := _still_failing(plan)) is not None:
        plan = lesser
    return plan


def _still_failing(plan: Plan) -> Plan | None:
    lesser = [replace(each, seed=place) for place, each in enumerate(smaller(plan))]
    for at in range(0, len(lesser), _LESSER):
        portion = lesser[at : at + _LESSER]
        found = attempt(portion)
        for each in portion:
            if found[each.seed]:
                return replace(each, seed=plan.seed)
    return None
