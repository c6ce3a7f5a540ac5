"""Colours, words and number formats: the one place for how things look.

The colours stay apart for people with any of the three colour-blindnesses (blue, orange, bluish green, vermilion
and mauve differ in lightness too), and each has a contrast of 3 : 1 to both backgrounds where it carries meaning.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime

BLUE = "#3b82c4"
SKY = "#7fb8e0"
ORANGE = "#e08a1e"
GREEN = "#1f9e89"
RED = "#cf5a3c"
MAUVE = "#b56ba5"
SAND = "#9a9488"

COLOURS = {
    "People": BLUE,
    "Bots": SAND,
    "AI agents": MAUVE,
    "Deleted or unknown": "#c9b98f",
    "Merges": SKY,
    "Opened": ORANGE,
    "Closed": GREEN,
    "Ended": GREEN,
    "Merged": GREEN,
    "Closed unmerged": RED,
    "Open at the end": BLUE,
    "New": ORANGE,
    "Returning": BLUE,
    "Came back": MAUVE,
    "Active": GREEN,
    "Drifting": ORANGE,
    "Away": SAND,
    "Core": BLUE,
    "Regular": SKY,
    "Casual": SAND,
    "0–7 days": "#bcd9ee",
    "8–30 days": "#7fb8e0",
    "31–90 days": "#3b82c4",
    "over 90 days": "#1d4e7e",
    "Completed": GREEN,
    "Not planned": SAND,
    "Duplicate": SKY,
    "Unknown": "#c9b98f",
    "Commits": BLUE,
    "Co-authored": SKY,
    "Issues opened": ORANGE,
    "Pull requests opened": GREEN,
    "Days": BLUE,
    "Authors": ORANGE,
    "Half closed within": BLUE,
    "Nine in ten within": SKY,
    "Half merged within": BLUE,
}
# For a series of cohorts or repositories, where no colour has a meaning of its own.
SERIES = [BLUE, ORANGE, GREEN, MAUVE, SAND, RED]
# See-through at the low end, so that nothing is quiet on a light page and on a dark one.
HEAT = ["rgba(59, 130, 196, 0.07)", "rgba(59, 130, 196, 1)"]

# Six tiles in a row, or two on a phone: Streamlit's own columns would put each on a line of its own.
STYLE = """<style>
.st-key-tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(158px, 1fr)); }
.st-key-tiles > * { min-width: 0 !important; width: auto !important; max-width: none !important; }
</style>"""

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:^&=@/])")
# What a browser's Markdown makes a link of, even where its characters are escaped; no break shows what parts it.
_LINKED = re.compile(r"(?<=http:)(?=//)|(?<=https:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
_NO_BREAK = "\u2060"


def plain(text: str | None) -> str:
    """A text from elsewhere on one line, without control and direction-changing characters."""
    kept = (c if unicodedata.category(c) not in {"Cc", "Cf"} else " " for c in text or "")
    return " ".join("".join(kept).split())


def escaped(text: str | None) -> str:
    """A text from elsewhere for a place that reads Markdown: what it shows is what it says."""
    return _MARKUP.sub(r"\\\1", _LINKED.sub(_NO_BREAK, plain(text)))


def number(value: float | None, digits: int = 0) -> str:
    """1234567 as 1,234,567; nothing as a dash."""
    return "–" if value is None else f"{value:,.{digits}f}"


def percent(value: float | None) -> str:
    """0.123 as 12%."""
    return "–" if value is None else f"{value:.0%}"


def days(value: float | None) -> str:
    """Days, with a decimal below ten; hours below one."""
    if value is None:
        return "–"
    if value < 1:
        return f"{value * 24:.0f} hours"
    return f"{value:.1f} days" if value < 10 else f"{value:,.0f} days"


def month(value: date | None) -> str:
    """May 2026."""
    return "–" if value is None else f"{value:%B %Y}"


def moment(value: datetime | None) -> str:
    """15 Jun 2026, 12:00 UTC."""
    return "–" if value is None else f"{value.day} {value:%b %Y, %H:%M} UTC"


def count(value: int, one: str, many: str | None = None) -> str:
    """1 issue, 2 issues."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"
