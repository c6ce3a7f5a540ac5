"""Drives the extraction: for each repository and stream, from what has landed to what the server has now.

There is no state but the landing zone: where a sync goes on is read off the landed objects.
"""

from hear_app.sync.results import Reporter, RepositoryResult, StreamResult
from hear_app.sync.run import Sync

__all__ = ["Reporter", "RepositoryResult", "StreamResult", "Sync"]
