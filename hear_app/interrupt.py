"""Ctrl-C, and what `docker stop` sends: one sentence and exit code 130, at any moment.

Imports next to nothing, so that it can be asked for before all else: the other imports take a while.
"""

from __future__ import annotations

import os
import signal

INTERRUPTED = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SENTENCE = b"hear: interrupted; what has landed is kept, and the next run goes on from there.\n"
_SHOW_CURSOR = b"\x1b[?25h"


def answer() -> None:
    """From now on an interruption ends the process at once, and says so."""
    for number in _SIGNALS:
        signal.signal(number, _leave)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def end() -> None:
    """From now on an interruption is how the process ends well: at once, without a word, with exit code 0."""
    for number in _SIGNALS:
        signal.signal(number, lambda *_: os._exit(0))


def hold() -> None:
    """Interruptions wait until `answer` is called: in this process, or in the program that takes its place."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def _leave(_signum: int, _frame: object) -> None:
    """Leaves at once: what has landed is whole, and no thread in mid-request need be waited for."""
    try:
        # No print: the interrupted thread may be in the middle of one.
        os.write(2, (_SHOW_CURSOR if os.isatty(2) else b"") + _SENTENCE)
    finally:
        os._exit(INTERRUPTED)
