"""Names of signals as engines read them (moby/sys, ``signal.ParseSignal``, Linux)."""

from __future__ import annotations

_LAST = 64
"""The number of SIGRTMAX."""
_FROM_RTMIN, _FROM_RTMAX = 15, 14
_NAMES = frozenset(
    """ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP
    TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX""".split()  # noqa: SIM905 - a table
) | {
    *(f"RTMIN+{number}" for number in range(1, _FROM_RTMIN + 1)),
    *(f"RTMAX-{number}" for number in range(1, _FROM_RTMAX + 1)),
}


def is_signal(text: str) -> bool:
    """Return whether an engine takes a text for a signal: a number, or a name of any case, with or without SIG."""
    if text.isascii() and text.isdigit():
        return len(text) <= len(str(_LAST)) and 1 <= int(text) <= _LAST
    return text.upper().removeprefix("SIG") in _NAMES
