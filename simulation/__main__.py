"""`python -m simulation`: tries seeds, prints those that fail, and makes the first one smaller."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import fields

from simulation.plan import Epoch, Plan, draw
from simulation.runner import attempt, failing, shrink

_SHOWN = 3  # lines of a failing seed


def _lines(plan: Plan) -> Iterator[str]:
    """A plan to read: only what is not as usual."""
    yield f"plan of seed {plan.seed}{', pages by number' if plan.pages_by_number else ''}:"
    for part in ("before", "after"):
        for epoch in getattr(plan, part):
            yield f"  {part} the first build: a{' full' if epoch.is_full else ''} sync"
            yield from (f"    {told}" for told in _told(epoch))
    yield from (f"  in the end: {how}" for how in plan.damages)


def _told(epoch: Epoch) -> Iterator[str]:
    for field in fields(Epoch):
        value = getattr(epoch, field.name)
        for one in value if isinstance(value, tuple) else ():
            yield f"{field.name}: {one}"
    if epoch.compacts is not None:
        yield f"compacts, and dies at write {epoch.compacts}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=60, help="how many to try")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="one alone, made smaller if it fails")
    parser.add_argument("--processes", type=int, default=3)
    asked = parser.parse_args()
    if asked.seed is not None:
        return _one(asked.seed)
    began, count = time.monotonic(), 0
    for seed, failures in failing(asked.first, asked.seeds, asked.processes):
        count += 1
        print(f"seed {seed} fails (make simulate SEED={seed} makes it smaller):")
        print("\n".join(f"  {line}" for line in failures[:_SHOWN]), flush=True)
    seconds = time.monotonic() - began
    print(f"{count:,} of {asked.seeds:,} seeds fail; {asked.seeds / seconds:.1f} seeds a second.")
    return 1 if count else 0


def _one(seed: int) -> int:
    plan = draw(seed)
    failures = attempt([plan])[seed]
    if failures:
        plan = shrink(plan)
        failures = attempt([plan])[seed]
    print("\n".join([*_lines(plan), *failures]) if failures else f"Seed {seed} holds.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
