"""Begin a command or a subsystem on a channel of a connection, and send what it reads."""

from __future__ import annotations

import shlex
import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def execute(channel: paramiko.Channel, argv: Sequence[str], limit: float) -> None:
    """Begin a command on a channel; an sshd that does not say within ``limit`` seconds that it did, ends the channel.

    Arguments go as the bytes that this machine's environment and files hold, be they UTF-8 or not.
    """
    with _bounded(channel, limit):
        channel.exec_command(shlex.join(argv).encode(errors="surrogateescape"))


def begin_subsystem(channel: paramiko.Channel, name: str, limit: float) -> None:
    """Begin a subsystem such as ``sftp``; raises ``paramiko.SSHException`` when there is none."""
    with _bounded(channel, limit):
        channel.invoke_subsystem(name)


@contextmanager
def _bounded(channel: paramiko.Channel, limit: float) -> Iterator[None]:
    # paramiko waits for the answer without a limit; closing the channel ends that wait.
    watchdog = threading.Timer(limit, _give_up, (channel,))
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


def _give_up(channel: paramiko.Channel) -> None:
    with suppress(OSError, EOFError, paramiko.SSHException):  # the connection may end at the same time
        channel.close()


def feed_aside(channel: paramiko.Channel, parts: Iterable[bytes]) -> None:
    """Send stdin while its caller listens: a command may print more than a window before it reads on."""
    if parts:
        threading.Thread(target=_feed, args=(channel, parts), name="stdin", daemon=True).start()
    else:
        channel.shutdown_write()


def _feed(channel: paramiko.Channel, parts: Iterable[bytes]) -> None:
    with ExitStack() as unfinished:
        unfinished.callback(channel.close)  # parts that cannot be made must not look like the end of the input
        for part in parts:
            if not _sent(channel, part):
                break
        else:
            with suppress(OSError, paramiko.SSHException):
                channel.shutdown_write()
        unfinished.pop_all()


def _sent(channel: paramiko.Channel, part: bytes) -> bool:
    try:
        channel.sendall(part)
    except (OSError, paramiko.SSHException):
        return False  # the command ended without reading it all; its status tells the rest
    return True
