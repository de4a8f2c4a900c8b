"""Commands on one host. This is the only place where an argv becomes a command line.

Not by ``fabric.Connection.run``: it decodes the output, feeds stdin byte by byte, starts three threads a command,
and its time-out leaves the process running on the host.
"""

from __future__ import annotations

import logging
import re
import secrets
import select
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import paramiko

from swarmnet.edge.ssh import errors as ssh_errors
from swarmnet.edge.ssh.begin import execute, feed_aside
from swarmnet.edge.ssh.sudo import ANSWER_TIMEOUT
from swarmnet.errors import CommandError
from swarmnet.model.border import border
from swarmnet.model.ports import Completed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from swarmnet.edge.ssh.sudo import Elevation, Sudo

OUTPUT_LIMIT = 16 * 1024 * 1024
"""Bytes of stdout, and of stderr, that are taken."""
_END_TIMEOUT = 10.0
_STATUS_TIMEOUT = 10.0
_BEGIN_TIMEOUT = 10.0
"""Seconds to hear that a command began, when its time is up before: only then can it be ended."""
_LOOK = 3600.0
"""Seconds of one wait for output: poll takes 24 days at most, and commands may have more."""
AT_ONCE = 8
"""Commands at once on one connection; sshd allows 10 (MaxSessions), and ending one takes a session, too."""
_LOG = logging.getLogger("swarmnet.ssh")
_CHUNK = 65536
_NOISE_LIMIT = 256 * 1024
"""Bytes that sudo may print before a command begins."""
_IDS_LIMIT = 40
_IDS = re.compile(rb"[0-9]{1,10} (?:[0-9]{1,10})?")
"""A process and its session; the latter is not known where there is no /proc."""

# The host has sh and /proc, nothing else is asked for. The first line says as which process and session the command
# runs; what a login shell's start files print before it is dropped. The command is a child, not an exec: then its
# end by a signal, too, comes back as a status.
_RUN = """printf '%s %s %s\\n' "$1" "$$" "$(read -r line < /proc/$$/stat; set -- ${line##*) }; echo "$4")"
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin SWARMNET_RUN=$1; export LC_ALL PATH SWARMNET_RUN; shift
"$@"
exit $?"""

# Ends a process, what descends from it, what shares its session (sshd gives each command one of its own), and what
# carries its mark in the environment (daemons that left the session): TERM first, KILL after a second.
_END = """session=$2; [ "${session:-0}" -gt 1 ] || session=$1
mark=$3
tree() { found=" $1 "; size=0
 for f in $(grep -l "SWARMNET_RUN=$mark" /proc/[0-9]*/environ 2>/dev/null); do
  pid=${f#/proc/}; found="$found${pid%/environ} "; done
 while [ "$size" != "${#found}" ]; do size=${#found}
  for f in /proc/[0-9]*/stat; do { read -r line < "$f"; } 2>/dev/null || continue
   pid=${f#/proc/}; pid=${pid%/stat}
   case $found in *" $pid "*) continue;; esac
   set -- ${line##*) }
   [ "$1" = Z ] && continue
   case $found$session in *" $2 "*|*" $4 "*|*" $4") found="$found$pid ";; esac
  done
 done; }
alive() { for p in $found; do { read -r line < "/proc/$p/stat"; } 2>/dev/null || continue
  set -- ${line##*) }; [ "$1" = Z ] || return 0; done; return 1; }
end() { kill "-$1" $found 2>/dev/null; i=0
 while alive && [ $i -lt 10 ]; do sleep 0.1 2>/dev/null || sleep 1; i=$((i+1)); done; }
tree "$1"; end TERM; tree "$1"; end KILL; tree "$1"; ! alive"""


@dataclass(slots=True)
class _Running:
    """A command under way, and what it said so far."""

    channel: paramiko.Channel
    mark: bytes
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    process: tuple[str, ...] = ()
    """Its pid and session on the host, once it has begun."""
    sink: Callable[[bytes], object] | None = None
    """Takes what it prints instead of ``stdout``; the host waits while it works."""
    _searched: int = 0
    """Bytes of stdout in which no mark begins: a host may print much before it, and byte by byte."""

    @property
    def ended(self) -> bool:
        return bool(self.channel.closed or self.channel.eof_received)

    @property
    def too_much(self) -> bool:
        return max(len(self.stdout), len(self.stderr)) > OUTPUT_LIMIT

    def take(self) -> bool:
        """Take what has arrived, and hand on what the command printed; return whether there was any."""
        if self.channel.recv_ready():
            self.stdout += self.channel.recv(_CHUNK)
            self._find_mark()
            if self.process and self.sink is not None and self.stdout:
                self.sink(bytes(self.stdout))
                self.stdout.clear()
        elif self.channel.recv_stderr_ready():
            self.stderr += self.channel.recv_stderr(_CHUNK)
        else:
            return False
        return True

    def _find_mark(self) -> None:
        if self.process:
            return
        start = self.stdout.find(self.mark, self._searched)
        if start < 0:
            self._searched = max(0, len(self.stdout) - len(self.mark))
            return
        self._searched = start
        begin = start + len(self.mark)
        end = self.stdout.find(b"\n", begin, begin + _IDS_LIMIT)
        if end < 0 and len(self.stdout) < begin + _IDS_LIMIT:
            return
        said = bytes(self.stdout[begin:end])
        if end < 0 or _IDS.fullmatch(said) is None:
            raise ValueError("it does not say as which process the command runs")
        self.process = tuple(said.decode("ascii").split())
        del self.stdout[: end + 1]


@dataclass(frozen=True, slots=True)
class _Call:
    """What was asked for."""

    argv: tuple[str, ...]
    timeout: float
    sudo: Elevation | None
    sink: Callable[[bytes], object] | None = None
    mark: bytes = field(default_factory=lambda: secrets.token_hex(8).encode() + b" ")

    @property
    def prefix(self) -> tuple[str, ...]:
        return self.sudo.prefix if self.sudo else ()

    @property
    def mark_text(self) -> str:
        return self.mark.decode().strip()

    @property
    def name(self) -> str:
        """The command's name alone: its arguments may hold secrets."""
        return f"command {self.argv[0]!r}"


class Shell:
    """Runs commands on one host over its connection; implements ``ShellPort``."""

    def __init__(self, host: str, open_session: Callable[[], paramiko.Channel], sudo: Sudo | None = None) -> None:
        """Make a shell.

        Args:
            host: its name in the inventory.
            open_session: returns a new session channel; raises ``UnreachableError``.
            sudo: how commands become root's; None means that the login is root's: a small host has no sudo.
        """
        self._host = host
        self._sudo = sudo
        self._open_session = open_session
        self._places = threading.BoundedSemaphore(AT_ONCE)

    @property
    def host(self) -> str:
        """The host's name in the inventory."""
        return self._host

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = 30.0, sudo: bool = False) -> Completed:
        """Run a command and return how it ended, whatever its status.

        A command that outlives ``timeout`` (seconds) is ended on the host, with its children.

        Raises:
            HostTimeoutError: it did outlive it.
            CommandError: sudo wants a password, or more than 16 MiB were printed.
            UnreachableError: the connection broke.
        """
        return self._begin(argv, (stdin,) if stdin else (), timeout=timeout, sudo=sudo)

    def stream(
        self,
        argv: Sequence[str],
        *,
        stdin: Iterable[bytes] = (),
        sink: Callable[[bytes], object] | None = None,
        timeout: float = 30.0,
        sudo: bool = False,
    ) -> Completed:
        """Run a command as ``run`` does, with input and output of any size: neither is ever whole in memory.

        Args:
            argv: the command.
            stdin: parts of its input; one that raises ends the command without the end of its input.
            sink: takes parts of what it prints; None keeps them, up to 16 MiB, as ``run`` does.
            timeout: seconds for all of it.
            sudo: run it as root.

        Raises:
            HostTimeoutError, CommandError, UnreachableError: as ``run`` does.
        """
        return self._begin(argv, stdin, timeout=timeout, sudo=sudo, sink=sink)

    def _begin(
        self,
        argv: Sequence[str],
        stdin: Iterable[bytes],
        *,
        timeout: float,
        sudo: bool,
        sink: Callable[[bytes], object] | None = None,
    ) -> Completed:
        if not argv:
            raise ValueError("an empty argv names no command")
        if any("\0" in word for word in argv):
            raise CommandError(self._host, f"command {argv[0]!r}: no argument can hold a NUL character")
        with self._places:
            begun = time.monotonic()
            done = self._run(_Call(tuple(argv), timeout, self.elevated() if sudo else None, sink), stdin)
            # The program's name alone: arguments and stdin may be secrets.
            what, spent = f"{'sudo ' if sudo else ''}{argv[0]!r}", (time.monotonic() - begun) * 1000
            _LOG.debug("%s: %s -> status %d in %.0f ms", self._host, what, done.exit_code, spent)
            return done

    def elevated(self) -> Elevation | None:
        """Return a talk with sudo for one command, None where the login is root's.

        Raises:
            CommandError: sudo does not take the password.
        """
        if self._sudo is None:
            return None
        self._sudo.prove(self._try_sudo)
        return self._sudo.elevation()

    def _try_sudo(self) -> None:
        if self._sudo is not None:
            self._run(_Call(("true",), ANSWER_TIMEOUT, self._sudo.elevation()), ())

    def _run(self, call: _Call, stdin: Iterable[bytes]) -> Completed:
        line = [*call.prefix, "sh", "-c", _RUN, "sh", call.mark_text, *call.argv]
        with border(self._host, call.name, CommandError):
            return self._heard(self._open_session(), line, stdin, call)

    def _heard(self, channel: paramiko.Channel, line: Sequence[str], stdin: Iterable[bytes], call: _Call) -> Completed:
        running = _Running(channel, call.mark, sink=call.sink)
        try:
            execute(channel, line, call.timeout)
            if call.sudo is not None and call.sudo.asks:
                answer(channel, call.sudo, running.take, running.stderr, lambda: bool(running.process) or running.ended)
            feed_aside(channel, stdin)
            self._listen(running, call)
            return self._completed(running, call)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise ssh_errors.lost(self._host, error) from error
        finally:
            channel.close()

    def _listen(self, running: _Running, call: _Call) -> None:
        deadline = time.monotonic() + call.timeout
        poll = select.poll()
        poll.register(running.channel.fileno(), select.POLLIN)
        while True:
            ended = running.ended  # looked at first: what came before the end is in the buffers
            took = running.take()
            if running.too_much:
                raise CommandError(self._host, f"{call.name} printed more than 16 MiB; {self._end(running, call)}")
            if ended and not took:
                return
            left = deadline - time.monotonic()
            if left <= 0:
                raise ssh_errors.outlived(self._host, call.name, call.timeout, self._end(running, call))
            if not took:
                poll.poll(min(left, _LOOK) * 1000)

    def _completed(self, running: _Running, call: _Call) -> Completed:
        running.channel.status_event.wait(_STATUS_TIMEOUT)
        status = running.channel.exit_status
        if status < 0:
            raise ssh_errors.lost(self._host, None)
        if not running.process:
            raise self._never_began(bytes(running.stderr), status, call)
        return Completed(call.argv, status, bytes(running.stdout), bytes(running.stderr))

    def _never_began(self, said: bytes, status: int, call: _Call) -> CommandError:
        text = said.decode(errors="replace").strip()
        if call.prefix and ("password" in text or "tty" in text):
            return CommandError(
                self._host,
                "sudo wants a password here",
                hint="give it with --ask-become-pass, allow sudo without one (NOPASSWD in sudoers), or log in as root",
                brief="sudo wants a password",
            )
        what = "sudo" if call.prefix else "the login shell"
        return CommandError(self._host, f"{what} did not start {call.name} (status {status}): {text[-300:]!r}")

    def _end(self, running: _Running, call: _Call) -> str:
        """End the command on the host; return how that went."""
        _hear_beginning(running)
        if not running.process:
            return "it had not even begun" if running.ended else "nothing was heard of it: it may run there yet"
        channel = self._open_session()
        sudo = self.elevated() if call.sudo else None
        try:
            prefix = sudo.prefix if sudo else ()
            execute(channel, [*prefix, "sh", "-c", _END, "sh", *running.process, call.mark_text], _END_TIMEOUT)
            if sudo is not None and sudo.asks:
                said = bytearray()
                answer(channel, sudo, lambda: _take_stderr(channel, said), said, channel.status_event.is_set)
            channel.status_event.wait(_END_TIMEOUT)
            gone = channel.exit_status == 0
        finally:
            channel.close()
        return "it was ended on the host" if gone else f"process {running.process[0]} there could not be ended"


def answer(
    channel: paramiko.Channel, sudo: Elevation, take: Callable[[], bool], stderr: bytearray, begun: Callable[[], bool]
) -> None:
    """Answer sudo until the command has begun, or ended; what it prints meanwhile is taken in by ``take``.

    Raises:
        OSError: it prints without end, or takes no answer.
    """
    deadline = time.monotonic() + ANSWER_TIMEOUT
    poll = select.poll()
    poll.register(channel.fileno(), select.POLLIN)
    while not begun() and (left := deadline - time.monotonic()) > 0:
        took = take()
        if len(stderr) > _NOISE_LIMIT:
            raise OSError("sudo prints without end before the command begins")
        reply = sudo.hear(stderr)
        if reply:
            channel.settimeout(left)
            channel.sendall(reply)
            channel.settimeout(None)
        elif not took and not begun():
            poll.poll(min(left, 1.0) * 1000)


def _take_stderr(channel: paramiko.Channel, said: bytearray) -> bool:
    if not channel.recv_stderr_ready():
        return False
    said += channel.recv_stderr(_CHUNK)
    return True


def _hear_beginning(running: _Running) -> None:
    """Wait until the host says as what a command runs, or that it ended without."""
    deadline = time.monotonic() + _BEGIN_TIMEOUT
    poll = select.poll()
    poll.register(running.channel.fileno(), select.POLLIN)
    while not running.process and not running.ended and (left := deadline - time.monotonic()) > 0:
        if not running.take():
            poll.poll(left * 1000)
