"""What is printed is text alone: names and messages come from others, and may hold what steers a terminal."""

from __future__ import annotations

import io
import json
import re
import sys
from typing import TextIO

_LAYOUT = "\n\t"
_COLOUR = re.compile(r"(\x1b\[(?:0|3[1-3])m)")  # those that dbt uses, and the one that ends them


def safe(text: str, keep: str = _LAYOUT) -> str:
    r"""The text with what is not to be seen as an escape: `\u001b`, as JSON has it, which stays the same JSON.

    That is control characters but those in `keep`, line and paragraph separators, what turns the direction of
    writing or has no width, and halves of characters.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in keep else json.dumps(each)[1:-1] for each in text)


def show(text: str = "") -> None:
    """Lines of data, to stdout."""
    print(safe(text), flush=True)


def say(text: str = "") -> None:
    """Lines to the user, on stderr, where progress and logs go."""
    print(safe(text), file=sys.stderr, flush=True)


class SafeStream(io.TextIOBase):
    """Writes to another stream what is safe of a text; with `colours`, these too."""

    def __init__(self, stream: TextIO, colours: bool = False) -> None:
        self._stream = stream
        self._colours = colours

    def write(self, text: str) -> int:
        parts = _COLOUR.split(text) if self._colours else [text]  # every second one is a colour
        self._stream.write("".join(part if index % 2 else safe(part) for index, part in enumerate(parts)))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()
