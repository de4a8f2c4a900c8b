"""known_hosts files: whose key is whose, and what to do with an unknown key.

Fabric accepts any key; here a host answers for itself before anything is sent to it. paramiko's own reader has no
line numbers, no revoked keys, no authorities and no patterns, and errors must name the line.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import hmac
import os
import secrets
import stat
import threading
from binascii import Error as Base64Error
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from swarmnet.edge.operator.owned_files import check_known_hosts
from swarmnet.edge.ssh.certificates import Certificate, read_certificate, why_not_valid
from swarmnet.edge.ssh.patterns import matches_list
from swarmnet.edge.ssh.revoked import refuse_revoked
from swarmnet.errors import HostKeyError, UnknownHostKeyError, UsageError
from swarmnet.files import locked
from swarmnet.model.hosts import HostKeyPolicy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import paramiko


class Marker(StrEnum):
    """What a line says of its key."""

    NONE = ""
    AUTHORITY = "@cert-authority"
    REVOKED = "@revoked"


@dataclass(frozen=True, slots=True)
class Trust:
    """How the key of one host is judged."""

    name: str
    """Its name in known_hosts, with the port where that is not 22."""
    bare: str | None
    """Its name without the port: lines of that name vouch for a key, too, but never rule one out."""
    user_files: tuple[Path, ...]
    """Where to look first; accepted keys are written to the first one, to nowhere when there is none."""
    global_files: tuple[Path, ...] = ()
    policy: HostKeyPolicy = HostKeyPolicy.STRICT
    hashed: bool = False
    """Whether names are written as digests (``HashKnownHosts``)."""
    revoked: Path | None = None
    """A file of keys that no host may present (``RevokedHostKeys``)."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Where to look."""
        return (*self.user_files, *self.global_files)

    @property
    def kept_in(self) -> Path | None:
        """Where an accepted key is written."""
        return self.user_files[0] if self.user_files else None


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One line of a known_hosts file."""

    file: Path
    line: int
    patterns: str
    kind: str
    blob: bytes
    marker: Marker = Marker.NONE

    def matches(self, name: str) -> bool:
        """Return whether the line speaks of ``name``: plain, hashed, wildcards, ``!`` exceptions."""
        if self.patterns.startswith("|1|"):
            return _hashed_as(self.patterns, name)
        return matches_list(name, self.patterns.lower())


class KnownHosts:
    """The known_hosts files of one run."""

    def __init__(self, ask: Callable[[str], bool] | None = None, *, inventory: str = "INVENTORY") -> None:
        """Prepare; nothing is read yet.

        Args:
            ask: asks the operator about a new key, under the policy ``ask``.
            inventory: the file that hints name.
        """
        self._ask = ask
        self._inventory = inventory
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._files: dict[Path, tuple[KnownKey, ...]] = {}

    def keys(self, trust: Trust) -> tuple[KnownKey, ...]:
        """Return what is known of a host, what only its bare name says included."""
        names = [trust.name, *([trust.bare] if trust.bare else [])]
        return tuple(key for name in names for key in self._of(name, trust))

    def verify(self, host: str, key: paramiko.PKey, trust: Trust) -> None:
        """Return when ``key`` is the host's, by the files or by the policy.

        Args:
            host: the host's name in the inventory, for errors.
            key: what it presented; a certificate is in its ``public_blob``.
            trust: where to look, and what to do when no file knows the host. A changed or revoked key is refused
                under each policy.

        Raises:
            UnknownHostKeyError: no file knows the host, and the policy or the operator refuses its key.
            HostKeyError: the key is changed or revoked, its certificate is not valid, or it cannot be written down.
            UsageError: a file cannot be read or trusted.
        """
        if trust.revoked is not None:
            refuse_revoked(host, trust.revoked, key.asbytes(), _certificate(key))
        if _vouches(host, key, self._of(trust.name, trust), trust):
            return
        # ssh asks without the port, too, and hears nothing but a yes.
        bare = self._of(trust.bare, trust) if trust.bare else ()
        if not _is_changed(key, bare) and _vouches(host, key, bare, trust):
            return
        if trust.policy is HostKeyPolicy.STRICT:
            raise self._unknown(host, key, trust)
        if trust.policy is HostKeyPolicy.ASK:
            self._confirm(host, key, trust)
        self.remember(host, key, trust)

    def remember(self, host: str, key: paramiko.PKey, trust: Trust) -> None:
        """Write an accepted key as ssh does; raises ``HostKeyError`` when that cannot be done."""
        if trust.kept_in is None:
            raise HostKeyError(host, "its new key cannot be kept: UserKnownHostsFile is none", hint="name a file there")
        name = _hash(trust.name) if trust.hashed else trust.name
        try:
            with self._lock:
                _append(trust.kept_in, f"{name} {key.get_name()} {key.get_base64()}\n".encode())
                self._files[trust.kept_in] = read_known_hosts(trust.kept_in)
        except OSError as error:
            raise HostKeyError(
                host,
                f"its new key cannot be kept in {trust.kept_in}: {error.strerror}",
                hint="make that file writable, or name another one with ssh.known_hosts",
            ) from error

    def _of(self, name: str, trust: Trust) -> tuple[KnownKey, ...]:
        with self._lock:
            for file in trust.files:
                if file not in self._files:
                    self._files[file] = read_known_hosts(file)
            return tuple(key for file in trust.files for key in self._files[file] if key.matches(name))

    def _confirm(self, host: str, key: paramiko.PKey, trust: Trust) -> None:
        if self._ask is None:
            raise self._unknown(host, key, trust)
        # One question at a time, whichever thread it comes from.
        with self._asking:
            if not self._ask(
                f"{host} ({trust.name}) presents an unknown key, {key.get_name()} {fingerprint(key)}. Trust it?"
            ):
                raise self._unknown(host, key, trust)

    def _unknown(self, host: str, key: paramiko.PKey, trust: Trust) -> UnknownHostKeyError:
        place = trust.kept_in or "any known_hosts file"
        return UnknownHostKeyError(
            host,
            f"host key unknown: {trust.name} presents {key.get_name()} {fingerprint(key)}, not in {place}",
            hint=f"see the keys of all hosts and accept them at once: swarmnet trust -i {self._inventory}",
            brief="host key unknown",
        )


def _vouches(host: str, key: paramiko.PKey, known: tuple[KnownKey, ...], trust: Trust) -> bool:
    """Return whether the lines know the key, or an authority that signed it; raises ``HostKeyError`` against it."""
    certificate = _certificate(key)
    used = {key.asbytes(), *([certificate.authority] if certificate else [])}
    for entry in known:
        if entry.marker is Marker.REVOKED and entry.blob in used:
            raise HostKeyError(host, f"host key {fingerprint(key)} is marked revoked in {entry.file}:{entry.line}")
    for entry in known:
        if entry.marker is Marker.AUTHORITY and certificate and entry.blob == certificate.authority:
            wrong = why_not_valid(certificate, trust.bare or trust.name)
            if wrong is None:
                return True
            raise HostKeyError(
                host,
                f"host certificate of {fingerprint(key)}, signed by {entry.file}:{entry.line}, {wrong}",
                hint="sign the host's key again: ssh-keygen -s CA -h -n NAMES KEY.pub",
            )
    if _is_changed(key, known):
        plain = [entry for entry in known if entry.marker is Marker.NONE]
        places = ", ".join(f"{entry.file}:{entry.line} ({entry.kind} {_digest(entry.blob)})" for entry in plain)
        raise HostKeyError(
            host,
            f"host key changed: it now presents {key.get_name()} {fingerprint(key)}, not the key in {places}",
            brief="host key changed",
            hint="compare it on the host's console: ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub; if the host was"
            " reinstalled, remove the line and run swarmnet trust, otherwise someone may intercept the connection",
        )
    return any(entry.marker is Marker.NONE for entry in known)


def _is_changed(key: paramiko.PKey, known: tuple[KnownKey, ...]) -> bool:
    """Return whether the lines know other keys and not this one."""
    blobs = {entry.blob for entry in known if entry.marker is Marker.NONE}
    return bool(blobs) and key.asbytes() not in blobs


def _certificate(key: paramiko.PKey) -> Certificate | None:
    blob = key.public_blob
    return None if blob is None else read_certificate(blob.key_type, blob.key_blob)


def _append(file: Path, line: bytes) -> None:
    """Add a line, as ssh does: the file itself stays, whatever it is."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(file.parent / ".swarmnet.lock"):
        # Not to wait for someone to read from a pipe.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(file, flags, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as opened:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                if status.st_uid != os.geteuid():
                    raise PermissionError(errno.EPERM, "it belongs to another user", str(file))
                size = status.st_size
                gap = b"" if not size or os.pread(descriptor, 1, size - 1) == b"\n" else b"\n"
                opened.write(gap + line)
                os.fsync(descriptor)


def known_name(host: str, port: int) -> str:
    """Return how known_hosts files call a host: the bare name on port 22, else ``[name]:port``."""
    return host.lower() if port == 22 else f"[{host.lower()}]:{port}"  # noqa: PLR2004 - SSH's port


def fingerprint(key: paramiko.PKey) -> str:
    """Return the key's SHA256 fingerprint as ``ssh-keygen -l`` prints it."""
    return _digest(key.asbytes())


def _digest(blob: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def read_known_hosts(file: Path) -> tuple[KnownKey, ...]:
    """Return the keys of a file; a missing file has none, and invalid lines are skipped, as ssh does.

    Raises:
        UsageError: the file is there and cannot be read, so its keys are not known, or others may write it.
    """
    try:
        lines = check_known_hosts(file).decode("utf-8", "replace").splitlines()
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
    marker = Marker.NONE
    if fields and fields[0].startswith("@"):
        if fields[0] not in set(Marker):
            return None
        marker = Marker(fields.pop(0))
    if len(fields) < 3 or fields[0].startswith("#"):  # noqa: PLR2004 - names, kind, key
        return None
    try:
        blob = base64.b64decode(fields[2], validate=True)
    except Base64Error:
        return None
    return KnownKey(file, number, fields[0], fields[1], blob, marker)


def _hash(name: str) -> str:
    salt = secrets.token_bytes(20)
    digest = hmac.new(salt, name.encode(), "sha1").digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def _hashed_as(pattern: str, name: str) -> bool:
    parts = pattern.split("|")
    if len(parts) != 4:  # noqa: PLR2004 - "", "1", salt, hash
        return False
    try:
        salt, wanted = base64.b64decode(parts[2]), base64.b64decode(parts[3])
    except Base64Error:
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), "sha1").digest(), wanted)
