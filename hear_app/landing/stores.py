"""Where a landing zone lies: a folder, or an object store behind a URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

STORE_ERRORS = (BaseError, OSError, NotImplementedError)


def folder_of(root: str) -> Path | None:
    """The folder that a landing zone's root names, absolute; None where it is an object store's URL."""
    if root.startswith("file:///"):
        return Path(unquote(urlsplit(root).path))
    return None if "://" in root else Path(root).expanduser().absolute()


def opened(root: str) -> Any:
    """The store at a root; a folder is made. Raises BaseError, OSError or ValueError where there can be none."""
    folder = folder_of(root)
    return from_url(root) if folder is None else LocalStore(folder, mkdir=True)


def reason(error: Exception) -> str:
    """What a store says went wrong, in one line without its full stop."""
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    if "S3" in lines[0] and " http://" in lines[0] and lines[0].endswith("builder error"):
        return "its endpoint is plain http, which is refused unless AWS_ALLOW_HTTP=true says that it is meant"
    return lines[0].partition(": <?xml")[0].rstrip(".")
