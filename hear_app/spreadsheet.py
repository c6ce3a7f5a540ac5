"""CSV that a spreadsheet may open: no text in it starts a formula.

A title such as `=HYPERLINK(…)` would be run by the one who opens the file. An apostrophe before it makes it text.
Only texts are changed: a negative number stays one.
"""

from __future__ import annotations

import re

# As polars and DuckDB read it. The last four are full-width forms, which some spreadsheets take for the others.
FORMULA = r"^(?:[\t\r\n]|\s*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}])"
MARK = "'"
_FORMULA = re.compile(re.sub(r"\\x\{(\w+)\}", r"\\u\1", FORMULA))


def guarded(text: str) -> str:
    """The text, after an apostrophe where it would start a formula."""
    return MARK + text if _FORMULA.match(text) else text


def guarded_column(column: str) -> str:
    """SQL for a text column of that name, guarded in the same way."""
    name = '"' + column.replace('"', '""') + '"'
    return f"case when regexp_matches({name}, '{FORMULA}') then '{MARK * 2}' || {name} else {name} end as {name}"
