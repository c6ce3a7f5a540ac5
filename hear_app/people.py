"""people.csv: the identity rules that the user owns, beside the warehouse file."""

from __future__ import annotations

import csv
from pathlib import Path

from hear_app.errors import UsageError

_ACTIONS = ("merge", "split", "bot", "not_bot", "name", "team")


def read(path: Path) -> list[tuple[str, str, str | None]]:
    """The lines of people.csv as (identity, action, value). Raises UsageError, naming the line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if not {"identity", "action"} <= set(reader.fieldnames or ()):
                raise UsageError(f"{path} has no columns identity,action,value.", "Its first line must name them.")
            return [_person(path, reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} can't be read: {error}.", "Save it as CSV in UTF-8.") from error


def _person(path: Path, line: int, row: dict[str, str | None]) -> tuple[str, str, str | None]:
    identity, action = (row.get("identity") or "").strip(), (row.get("action") or "").strip().lower()
    value = (row.get("value") or "").strip() or None
    if not identity or action not in _ACTIONS:
        raise UsageError(f"{path}, line {line}: action {action!r} is none of {', '.join(_ACTIONS)}.")
    if action in {"merge", "name", "team"} and value is None:
        raise UsageError(f"{path}, line {line}: {action} needs a value.")
    return identity, action, value
