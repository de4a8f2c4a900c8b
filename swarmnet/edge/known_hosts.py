"""known_hosts files: whose key is whose, and what to do with a key that nobody knows.

Fabric accepts any key; here a host answers for itself before anything is sent to it. paramiko's own reader has no
line numbers, no revoked keys and no patterns, and errors must name the line.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import hmac
import threading
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.edge.files import locked, write_atomically
from swarmnet.errors import HostKeyError, UsageError
from swarmnet.model.hosts import HostKeyPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import paramiko


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One line of a known_hosts file."""

    file: Path
    line: int
    patterns: str
    kind: str
    blob: bytes
    revoked: bool = False

    def matches(self, name: str) -> bool:
        """Tell whether the line speaks of ``name``: plain, hashed, wildcards, ``!`` exceptions."""
        if self.patterns.startswith("|1|"):
            return _hashed_as(self.patterns, name)
        taken = False
        for pattern in self.patterns.lower().split(","):
            if fnmatch.fnmatchcase(name, pattern.removeprefix("!").replace("[", "[[]")):
                if pattern.startswith("!"):
                    return False
                taken = True
        return taken


class KnownHosts:
    """The known_hosts files of one run; the first of each list is the one that new keys are written to."""

    def __init__(self, ask: Callable[[str], bool] | None = None) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._files: dict[Path, tuple[KnownKey, ...]] = {}

    def keys(self, files: Sequence[Path], name: str) -> tuple[KnownKey, ...]:
        """Return what is known of a host (``name`` as :func:`known_name` gives it)."""
        with self._lock:
            for file in files:
                if file not in self._files:
                    self._files[file] = read_known_hosts(file)
            return tuple(key for file in files for key in self._files[file] if key.matches(name))

    def verify(self, host: str, name: str, key: paramiko.PKey, *, files: Sequence[Path], policy: HostKeyPolicy) -> None:
        """Return when ``key`` is the host's, by the files or by the policy.

        Args:
            host: the host's name in the inventory, for errors.
            name: its name in known_hosts.
            key: what it presented.
            files: known_hosts files, the first is written to.
            policy: what to do when no file knows the host. A changed or revoked key is refused under each.

        Raises:
            HostKeyError: the key is changed, revoked, unknown and refused, or accepted and cannot be written down.
        """
        known = self.keys(files, name)
        self._refuse_changed(host, key, known)
        if any(entry.blob == key.asbytes() for entry in known):
            return
        if policy is HostKeyPolicy.STRICT:
            raise _unknown(host, name, key, files)
        if policy is HostKeyPolicy.ASK:
            self._confirm(host, name, key, files)
        try:
            self._remember(name, key, files[0])
        except OSError as error:
            raise HostKeyError(
                host,
                f"its new key cannot be kept in {files[0]}: {error.strerror}",
                hint="make that file writable, or name another one with ssh.known_hosts",
            ) from error

    def _refuse_changed(self, host: str, key: paramiko.PKey, known: tuple[KnownKey, ...]) -> None:
        same = [entry for entry in known if entry.blob == key.asbytes()]
        for entry in same:
            if entry.revoked:
                raise HostKeyError(host, f"host key {fingerprint(key)} is marked revoked in {entry.file}:{entry.line}")
        others = [entry for entry in known if not entry.revoked]
        if others and not same:
            places = ", ".join(f"{entry.file}:{entry.line} ({entry.kind})" for entry in others)
            raise HostKeyError(
                host,
                f"host key changed: it now presents {key.get_name()} {fingerprint(key)}, not what stands in {places}",
                hint="somebody may be in between; if the host was reinstalled, remove the line named and try again",
            )

    def _confirm(self, host: str, name: str, key: paramiko.PKey, files: Sequence[Path]) -> None:
        if self._ask is None:
            raise _unknown(host, name, key, files)
        # One question at a time, whichever thread it comes from.
        with self._asking:
            if not self._ask(
                f"{host} ({name}) presents an unknown key, {key.get_name()} {fingerprint(key)}. Trust it?"
            ):
                raise _unknown(host, name, key, files)

    def _remember(self, name: str, key: paramiko.PKey, file: Path) -> None:
        with self._lock:
            _append(file, f"{name} {key.get_name()} {key.get_base64()}\n".encode())
            self._files[file] = read_known_hosts(file)


def _append(file: Path, line: bytes) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(file.parent):
        before = file.read_bytes() if file.exists() else b""
        gap = b"" if not before or before.endswith(b"\n") else b"\n"
        mode = file.stat().st_mode & 0o777 if file.exists() else 0o600
        write_atomically(file, before + gap + line, mode=mode)


def known_name(host: str, port: int) -> str:
    """Return how known_hosts files call a host: the bare name on port 22, else ``[name]:port``."""
    return host.lower() if port == 22 else f"[{host.lower()}]:{port}"  # noqa: PLR2004 - SSH's port


def fingerprint(key: paramiko.PKey) -> str:
    """Return the key's SHA256 fingerprint as ``ssh-keygen -l`` prints it."""
    digest = hashlib.sha256(key.asbytes()).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def read_known_hosts(file: Path) -> tuple[KnownKey, ...]:
    """Return the keys of a file; a missing file knows nobody, lines that make no sense are passed over as ssh does.

    Raises:
        UsageError: the file is there and cannot be read, so nobody can tell whom it knows.
    """
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise UsageError(
            f"cannot read {file}: {error.strerror}",
            hint="make it a file that you may read, or name another one with ssh.known_hosts in the inventory",
        ) from error
    found = (_line(file, number, line) for number, line in enumerate(lines, 1))
    return tuple(key for key in found if key is not None)


def _line(file: Path, number: int, text: str) -> KnownKey | None:
    fields = text.split()
    revoked = bool(fields) and fields[0] == "@revoked"
    if revoked:
        fields = fields[1:]
    if len(fields) < 3 or fields[0].startswith(("#", "@")):  # noqa: PLR2004 - names, kind, key
        return None
    try:
        blob = base64.b64decode(fields[2], validate=True)
    except Base64Error:
        return None
    return KnownKey(file, number, fields[0], fields[1], blob, revoked)


def _hashed_as(pattern: str, name: str) -> bool:
    parts = pattern.split("|")
    if len(parts) != 4:  # noqa: PLR2004 - "", "1", salt, hash
        return False
    try:
        salt, wanted = base64.b64decode(parts[2]), base64.b64decode(parts[3])
    except Base64Error:
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), "sha1").digest(), wanted)


def _unknown(host: str, name: str, key: paramiko.PKey, files: Sequence[Path]) -> HostKeyError:
    return HostKeyError(
        host,
        f"host key unknown: {name} presents {key.get_name()} {fingerprint(key)}, not in {files[0]}",
        hint=f"compare it on the host (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), then add it to {files[0]}"
        " or set ssh.host_keys: accept-new",
    )
