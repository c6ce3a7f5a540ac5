"""The landing zone: immutable objects with the responses of the API as they came. It is the state."""

from hear_app.landing.envelope import (
    Envelope,
    LandedObject,
    RepositoryKey,
    Role,
    Stream,
    Walk,
    WalkKind,
    group_walks,
    parse_path,
    walk_prefix,
)
from hear_app.landing.zone import Landing, Response, reread_remedy

__all__ = [
    "Envelope",
    "LandedObject",
    "Landing",
    "RepositoryKey",
    "Response",
    "Role",
    "Stream",
    "Walk",
    "WalkKind",
    "group_walks",
    "parse_path",
    "reread_remedy",
    "walk_prefix",
]
