"""The landing zone: immutable objects with the responses of the API, as they came. What has landed is the state."""

from hear_app.landing.zone import *  # noqa: F403
