"""A folder on an SFTP server as a target: our own SSH (ssh_config, keys, agent, known_hosts), paramiko's SFTP.

A file is written under a temporary name, its length is compared, and SFTP's own rename publishes it, which never
replaces a file (OpenSSH's sftp-server links and unlinks). What an interrupted copy left is removed a day later.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

import paramiko

from swarmnet.edge.operator.clock import SystemClock
from swarmnet.edge.ssh.begin import begin_subsystem
from swarmnet.edge.ssh.dial import Dialer
from swarmnet.edge.ssh.keys import LoginKeys
from swarmnet.edge.ssh.known_hosts import KnownHosts
from swarmnet.edge.ssh.link import Links
from swarmnet.edge.ssh.target import TargetFinder
from swarmnet.edge.targets.sftp_reader import SftpClient
from swarmnet.errors import (
    BackupNotFoundError,
    HostError,
    TargetError,
    TargetUnreachableError,
    UnknownHostKeyError,
    UnreachableError,
)
from swarmnet.model.hosts import Host, Inventory, SSHSettings
from swarmnet.model.targets import PART, Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from swarmnet.edge.targets.location import SftpLocation
    from swarmnet.model.base import Secret
    from swarmnet.model.sealed import Sink

ANSWER = 60.0
"""Seconds without an answer after which the server is given up."""
LEFT_OVER = 86400
"""Seconds after which a temporary file is that of a copy that died, by the server's own clock."""
_PARTIAL = ".partial"
_AGAIN = "then run the command again: what is copied already is left out"


class SftpTarget:
    """Backups in a folder of an SFTP server. One connection, opened at the first call, again when it broke."""

    def __init__(
        self,
        location: SftpLocation,
        *,
        confirm: Callable[[str], bool] | None = None,
        passphrase: Callable[[str], Secret | None] | None = None,
    ) -> None:
        """Prepare; nothing is connected yet.

        Args:
            location: the folder.
            confirm: asks whether to accept an unknown host key; None refuses it.
            passphrase: asks for that of a private key; None cannot.

        Raises:
            UsageError: ssh_config is wrong.
        """
        self._location = location
        settings = SSHSettings(user=location.user, port=location.port)
        host = Host(name=location.host, address=location.host, ssh=settings)
        finder = TargetFinder(Inventory(cluster="copies", hosts=(host,)))
        links = Links(Dialer(LoginKeys(passphrase), KnownHosts(confirm)), SystemClock())
        self._links, self._link = links, links.to(finder.target(host))
        self._sftp: SftpClient | None = None
        self._lock = threading.RLock()  # paramiko's client loses answers when threads share it
        self._tidied: set[str] = set()

    @property
    def place(self) -> str:
        """The URL."""
        return str(self._location)

    def close(self) -> None:
        """Close the connection."""
        self._links.close()

    def files(self) -> tuple[Stored, ...]:
        """Return what could be a backup, by name; raises ``BackupNotFoundError`` when the folder does not exist."""
        with self._client("read") as sftp:
            try:
                found = sftp.listdir_attr(self._location.path)
            except FileNotFoundError:
                raise BackupNotFoundError(
                    f"{self.place}: no such folder there", hint="`swarmnet backup copy --to` makes it"
                ) from None
            folders = sorted(one.filename for one in found if stat.S_ISDIR(one.st_mode or 0))
            return tuple(file for name in folders for file in _files_of(sftp, self._location.path, name))

    def read(self, name: str, most: int) -> bytes:
        """Return the first ``most`` bytes of a file; raises ``FileNotFoundError`` when there is none."""
        with self._client("read") as sftp, sftp.open(self._path(name), "rb") as file:
            return file.read(most)

    def fetch(self, name: str, sink: Sink) -> None:
        """Give all of a file to ``sink``, part by part; raises ``FileNotFoundError`` when there is none."""
        with self._client("read") as sftp:
            sftp.pour(self._path(name), sink)

    def put(self, name: str, content: BinaryIO, *, replace: bool = False) -> None:
        """Write to a temporary name, then rename; raises ``FileExistsError`` when the name is taken."""
        folder, _, file = name.partition("/")
        temporary = f"{folder}/.{file}.{os.urandom(6).hex()}{_PARTIAL}"
        with self._client("write") as sftp:
            self._make_folders(sftp, folder)
            try:
                self._write(sftp, self._path(temporary), content)
                self._tidy(sftp, folder, temporary)
                if replace:
                    sftp.posix_rename(self._path(temporary), self._path(name))
                else:
                    _publish(sftp, self._path(temporary), self._path(name))
            except BaseException:
                with suppress(OSError, EOFError, paramiko.SSHException):
                    sftp.remove(self._path(temporary))
                raise

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens when it does not exist."""
        with self._client("remove from") as sftp, suppress(FileNotFoundError):
            sftp.remove(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._location.path}/{name}"

    def _write(self, sftp: paramiko.SFTPClient, path: str, content: BinaryIO) -> None:
        sent = 0
        content.seek(0)
        with sftp.open(path, "wbx") as file:
            file.set_pipelined(True)
            while part := content.read(PART):
                file.write(part)
                sent += len(part)
        # paramiko hears of a failed write when the file is closed, and drops it.
        written = sftp.stat(path).st_size or 0
        if written != sent:
            raise TargetError(
                f"{self.place} took {written} of {sent} bytes: its disk or quota is full",
                hint=f"free some space there, {_AGAIN}",
            )
        sftp.chmod(path, 0o400)

    def _make_folders(self, sftp: paramiko.SFTPClient, folder: str) -> None:
        path = self._path(folder)
        parts = path.split("/")
        missing: list[str] = []
        for end in range(len(parts), 0, -1):
            above = "/".join(parts[:end])
            if not above or _is_there(sftp, above):
                break
            missing.append(above)
        for one in reversed(missing):
            with suppress(OSError):  # another copy may make it at the same time; the write says what is missing
                sftp.mkdir(one, 0o700)

    def _tidy(self, sftp: paramiko.SFTPClient, folder: str, mine: str) -> None:
        """Remove what copies that died left in a folder, once a run."""
        if folder in self._tidied:
            return
        self._tidied.add(folder)
        now = sftp.stat(self._path(mine)).st_mtime or 0
        for one in sftp.listdir_attr(self._path(folder)):
            dead = one.filename[:1] == "." and one.filename.endswith(_PARTIAL) and now - (one.st_mtime or 0) > LEFT_OVER
            if dead:
                with suppress(OSError):
                    sftp.remove(self._path(f"{folder}/{one.filename}"))

    @contextmanager
    def _client(self, verb: str) -> Iterator[SftpClient]:
        """Yield the connection, and say what fails on it in the operator's words."""
        with self._lock, self._login():
            if self._sftp is None:
                self._sftp = self._open()
            try:
                yield self._sftp
            except (paramiko.SSHException, EOFError, TimeoutError, ConnectionError) as error:
                self._sftp = None
                raise self._lost(error) from error
            except (FileNotFoundError, FileExistsError):
                raise
            except OSError as error:
                if self._sftp.get_channel() is None or self._sftp.get_channel().closed:  # type: ignore[union-attr]
                    self._sftp = None
                    raise self._lost(error) from error
                self._refused(verb, error)

    def _open(self) -> SftpClient:
        channel = self._link.session()
        try:
            channel.settimeout(ANSWER)
            begin_subsystem(channel, "sftp", self._link.target.timeout)
            return SftpClient(channel)
        except (paramiko.SSHException, OSError, EOFError) as error:
            channel.close()
            raise TargetError(
                f"{self.place}: the login works, but there is no SFTP: {error}",
                hint="add `Subsystem sftp internal-sftp` to its sshd_config, or copy to another target",
            ) from error

    @contextmanager
    def _login(self) -> Iterator[None]:
        try:
            yield
        except UnknownHostKeyError as error:
            login = shlex.join(["ssh", *self._port_words(), self._link.target.user + "@" + self._location.host])
            raise TargetError(
                f"{self.place}: {error.message}", hint=f"log in once with `{login}`, and compare the fingerprint"
            ) from error
        except UnreachableError as error:
            hint = f"{error.hint or 'is it up?'}; {_AGAIN}"
            raise TargetUnreachableError(f"{self.place}: {error.message}", hint=hint) from error
        except HostError as error:
            raise TargetError(f"{self.place}: {error.message}", hint=error.hint) from error

    def _port_words(self) -> list[str]:
        return ["-p", str(self._location.port)] if self._location.port else []

    def _lost(self, error: BaseException) -> TargetUnreachableError:
        said = f": {error}" if str(error) else ""
        return TargetUnreachableError(f"{self.place}: the connection broke{said}", hint=f"is it up? {_AGAIN}")

    def _refused(self, verb: str, error: OSError) -> NoReturn:
        if error.errno == errno.EACCES:
            hint = "give the login the right to it, or name another folder"
        else:  # SFTP's version 3 has one status for all else
            hint = f"is its disk full, or read-only? {_AGAIN}"
        raise TargetError(f"cannot {verb} {self.place}: {error.strerror or error}", hint=hint) from error


def _files_of(sftp: paramiko.SFTPClient, root: str, folder: str) -> Iterator[Stored]:
    with contextlib.suppress(FileNotFoundError, PermissionError):  # gone meanwhile, or someone else's
        for one in sorted(sftp.listdir_attr(f"{root}/{folder}"), key=lambda one: one.filename):
            if stat.S_ISREG(one.st_mode or 0):
                yield Stored(f"{folder}/{one.filename}", one.st_size or 0, str(one.st_mtime or ""))


def _is_there(sftp: paramiko.SFTPClient, path: str) -> bool:
    try:
        sftp.stat(path)
    except FileNotFoundError:
        return False
    return True


def _publish(sftp: paramiko.SFTPClient, temporary: str, path: str) -> None:
    """Rename; servers have no status for a name that is taken, so that is looked at."""
    if _is_there(sftp, path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
    try:
        sftp.rename(temporary, path)
    except OSError:
        if _is_there(sftp, path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from None
        raise
