"""Co-author trailers as they are found: well formed, in odd case, twice, of the author, of assistants."""

from __future__ import annotations

from hear_app.sample import people
from hear_app.sample.crew import AGENTS_SINCE, Crew
from hear_app.sample.dice import Dice
from hear_app.sample.people import Person

_SHAPES = {"plain": 60, "crlf": 10, "case": 10, "twice": 8, "self": 6, "two": 6}


def trailers(dice: Dice, crew: Crew, author: Person, at: int) -> str:
    """The end of a commit message, its blank line included; mostly empty."""
    if author.role == "bot":
        return f"\n\nSigned-off-by: {author.trailer}" if dice.chance(0.3) else ""
    if author.role == "agent":
        return f"\n\nCo-authored-by: {crew.maintainer(at).trailer}"
    if at >= AGENTS_SINCE and dice.chance(0.14):
        return f"\n\n{dice.pick(people.ASSISTANT_TRAILERS)}"
    if dice.chance(0.07):
        helper = crew.someone(at, {"maintainer": 2, "regular": 3, "stranger": 1})
        return _of_people(dice.weighted(_SHAPES), author, helper, crew.maintainer(at))
    return ""


def _of_people(shape: str, author: Person, helper: Person, second: Person) -> str:
    line = f"Co-authored-by: {helper.trailer}"
    return {
        "plain": f"\n\n{line}",
        "crlf": f"\r\n\r\n{line}\r\n",
        "case": f"\n\nCO-AUTHORED-by:  {helper.trailer}",
        "twice": f"\n\n{line}\n{line}",
        "self": f"\n\nCo-authored-by: {author.trailer}",
        "two": f"\n\n{line}\nCo-authored-by: {second.trailer}",
    }[shape]
