"""Repositories that a build holds back at their last proved state, so that all others can be published."""

from __future__ import annotations

from collections.abc import Mapping

from hear_app.errors import HearError, LandingError, ProofError
from hear_app.landing import Landing, RepositoryKey, parse_path
from hear_app.landing.integrity import Inspection, Place, inspect
from hear_app.ledger import Pending

Held = dict[RepositoryKey, HearError]
_SHOWN = 3


def changed(
    landing: Landing, waiting: Pending, digests: Mapping[RepositoryKey, Mapping[Place, str]]
) -> tuple[Held, bool]:
    """What to make of repositories whose landed objects are not those that were loaded.

    `digests` are those of what was loaded. Returns the repositories that are damaged, and whether others have been
    replaced as a whole, so that the file must be rebuilt from what is there now.
    """
    damaged: Held = {}
    is_replaced = False
    for key, paths in waiting.changed.items():
        found = inspect(landing, [landed for landed in waiting.landed.values() if landed.repository == key])
        standing = [path for path in paths if _still_counts(path, found)]
        if not standing:
            continue
        if found.standing or not found.digests or _is_partly_there(standing, found, digests[key]):
            damaged[key] = _damage(landing, standing, found)
        else:
            is_replaced = True
    return damaged, is_replaced


def _still_counts(path: str, found: Inspection) -> bool:
    place = parse_path(path)
    return place is not None and place.walk_id >= found.whole.get(place.stream, 0)


def _is_partly_there(paths: list[str], found: Inspection, digests: Mapping[Place, str]) -> bool:
    """Whether of a stream with changed objects others are as they were: then it was not read anew."""
    streams = {place.stream for path in paths if (place := parse_path(path)) is not None}
    return any(place[2] in streams and found.digests.get(place) == digest for place, digest in digests.items())


def _damage(landing: Landing, paths: list[str], found: Inspection) -> LandingError:
    if not found.digests and not found.damages:
        return LandingError(
            f"Nothing of it is left in {landing.root}.", "Put that back, or `hear build --full` builds without it."
        )
    told = [damage.what for damage in found.standing] or [
        f"{path} is gone, or is not what was loaded" for path in sorted(paths)
    ]
    more = f", and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return LandingError(f"What has landed in {landing.root} is damaged: {'; '.join(told[:_SHOWN])}{more}.")


def failing(failed: Mapping[RepositoryKey, list[str]]) -> Held:
    """Repositories whose proofs fail, by what the proofs say."""
    return {key: ProofError(" ".join(lines)) for key, lines in failed.items()}
