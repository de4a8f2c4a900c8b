"""paramiko's channel, whose messages leave in their order.

paramiko makes a message under the channel's lock, and sends it after it released the lock. When a command ends early,
the thread that reads the connection sends CLOSE between the two, and EOF comes last. sshd no longer knows that channel,
and ends the whole connection ("ieof packet referred to nonexistent channel"; seen with OpenSSH 10.0). Sending under the
lock does not help: it can hang while keys are exchanged again, as a comment in paramiko's source says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import paramiko

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

_SENDING = frozenset({1, 2})
_RECEIVING = frozenset({0, 2})


class Channel(paramiko.Channel):
    """A channel that sends CLOSE after all that was made before it, in whichever thread."""

    # What is used of paramiko's inside; its type stubs leave these out.
    lock: threading.Lock
    closed: bool
    eof_received: bool
    transport: Any
    _wait_for_send_window: Callable[[int], int]
    _send_eof: Callable[[], paramiko.Message | None]

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self._on_the_way = 0
        self._close_later: tuple[paramiko.Message | None, ...] = ()

    def shutdown(self, how: int) -> None:
        """End receiving (0), sending (1) or both (2), as paramiko's channel does."""
        if how in _RECEIVING:
            self.eof_received = True
        if how in _SENDING:
            with self.lock:
                message = self._send_eof()
                if message is None:
                    return
                self._on_the_way += 1
            self._deliver(message)

    def _send(self, data: bytes, message: paramiko.Message) -> int:
        """Send as much of ``data`` as the window takes; replaces paramiko's method."""
        with self.lock:
            if self.closed:
                raise OSError("Socket is closed")
            size = self._wait_for_send_window(len(data))
            if size == 0:
                return 0
            message.add_string(data[:size])
            self._on_the_way += 1
        self._deliver(message)
        return size

    def _close_internal(self) -> tuple[paramiko.Message | None, ...]:
        """Return what closes the channel, or nothing while a message is about to leave: CLOSE then follows it.

        Called under the lock.
        """
        messages: tuple[paramiko.Message | None, ...] = super()._close_internal()  # type: ignore[misc]
        if self._on_the_way and any(message is not None for message in messages):
            self._close_later = messages
            return (None,)
        return messages

    def _deliver(self, message: paramiko.Message) -> None:
        try:
            self.transport._send_user_message(message)  # noqa: SLF001 - see the module's docstring
        finally:
            with self.lock:
                self._on_the_way -= 1
                late: tuple[paramiko.Message | None, ...] = ()
                if not self._on_the_way:
                    late, self._close_later = self._close_later, ()
        for closing in late:
            if closing is not None:
                self.transport._send_user_message(closing)  # noqa: SLF001
