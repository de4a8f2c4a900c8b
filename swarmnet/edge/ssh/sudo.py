"""sudo on hosts: without a password, or with one that goes to its stdin alone, and only when it asks for it.

A password that was sent unasked would become the command's own input where sudo needs none.
"""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING

from swarmnet.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.base import Secret

ANSWER_TIMEOUT = 30.0
"""Seconds in which sudo asks, checks and begins; PAM waits some of them after a wrong password."""
_NO_PASSWORD = ("sudo", "-n", "--")


class Elevation:
    """One command's talk with sudo."""

    def __init__(self, host: str, password: Secret | None) -> None:
        self._host = host
        self._password = password
        self._prompt = f"[{secrets.token_hex(8)}]"
        self._answered = False

    @property
    def asks(self) -> bool:
        """Whether sudo may ask for a password, which :meth:`hear` answers."""
        return self._password is not None

    @property
    def prefix(self) -> tuple[str, ...]:
        """The words before the command."""
        return ("sudo", "-S", "-p", self._prompt, "--") if self.asks else _NO_PASSWORD

    def hear(self, stderr: bytearray) -> bytes:
        """Return what to send now; the prompt is taken out of what came on stderr.

        Raises:
            CommandError: sudo asks again, so the password is wrong.
        """
        _, prompt, after = bytes(stderr).partition(self._prompt.encode())
        if not prompt or self._password is None:
            return b""
        if self._answered:
            raise CommandError(
                self._host,
                "sudo does not take the password",
                hint="--ask-become-pass asks for one password for all hosts: that of the user who logs in",
                brief="sudo does not take the password",
            )
        self._answered = True
        stderr[:] = after  # sudo's lecture goes as well
        return self._password.reveal() + b"\n"


class Sudo:
    """How commands become root's on one host; a wrong password is tried once there."""

    def __init__(self, host: str, password: Secret | None = None) -> None:
        self._host = host
        self._password = password
        self._lock = threading.Lock()
        self._proved = password is None
        self._refused: CommandError | None = None

    def elevation(self) -> Elevation:
        """Return a new talk with sudo."""
        return Elevation(self._host, self._password)

    def prove(self, trial: Callable[[], object]) -> None:
        """Let one trial run before all other commands; raises what it raised, each time again without trying."""
        with self._lock:
            if self._refused is not None:
                raise self._refused
            if not self._proved:
                try:
                    trial()
                except CommandError as error:
                    self._refused = error
                    raise
                self._proved = True
