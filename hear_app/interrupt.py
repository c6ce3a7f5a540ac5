"""Ctrl-C, and what `docker stop` sends: one sentence and exit code 130, at any moment.

Imports next to nothing, so that it can be asked for before all else: the other imports take a while.
"""

from __future__ import annotations

import os
import signal
import threading

INTERRUPTED = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SENTENCE = b"hear: interrupted; what has landed is kept, and the next run goes on from there.\n"
_is_watched = False
_SHOW_CURSOR = b"\x1b[?25h"


def answer() -> None:
    """From now on an interruption ends the process at once, and says so.

    Python runs a handler in the main thread and when that comes back to Python: a long query, or a wait that had
    just begun, would delay it for as long as it takes. So a thread hears of the signal too.
    """
    global _is_watched
    for number in _SIGNALS:
        signal.signal(number, _leave)
    if not _is_watched:
        _is_watched = True
        heard, told = os.pipe()
        os.set_blocking(told, False)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        threading.Thread(target=_watch, args=(heard,), name="interrupt", daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def end() -> None:
    """From now on an interruption is how the process ends well: at once, without a word, with exit code 0."""
    signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        signal.signal(number, lambda *_: os._exit(0))


def hold() -> None:
    """Interruptions wait until `answer` is called: in this process, or in the program that takes its place."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def _watch(heard: int) -> None:
    while (number := os.read(heard, 1)) and number[0] not in _SIGNALS:
        pass
    _leave(number[0], None)


def _leave(_signum: int, _frame: object) -> None:
    """Leaves at once: what has landed is whole, and no thread in mid-request need be waited for."""
    try:
        # No print: the interrupted thread may be in the middle of one.
        os.write(2, (_SHOW_CURSOR if os.isatty(2) else b"") + _SENTENCE)
    finally:
        os._exit(INTERRUPTED)
