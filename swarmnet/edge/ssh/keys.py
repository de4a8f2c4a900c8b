"""Which keys are tried at a login, in which order, and what errors may show of them."""

from __future__ import annotations

import copy
import os
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.auth_strategy import AuthStrategy, InMemoryPrivateKey
from paramiko.pkey import PublicBlob

from swarmnet.edge.operator.core_dumps import forbid_core_dumps
from swarmnet.edge.operator.owned_files import is_private, read_regular
from swarmnet.edge.ssh.agent import Agent, public_file, public_half
from swarmnet.edge.ssh.certificates import is_certificate, read_certificate
from swarmnet.edge.ssh.known_hosts import fingerprint
from swarmnet.edge.ssh.transport import Transport
from swarmnet.errors import AuthenticationError
from swarmnet.model.base import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from paramiko.auth_strategy import SourceResult

    from swarmnet.edge.ssh.agent import PublicHalf
    from swarmnet.edge.ssh.target import Target

PASSPHRASE_VARIABLE = "SWARMNET_KEY_PASSPHRASE"  # noqa: S105 - a variable's name
PASSPHRASE_TRIES = 3
LEAST = 0.5
"""Seconds that each part of a login gets, however much the parts before it took of the attempt's time."""


class LoginKeys:
    """Private keys from files, each read once a run; a passphrase is asked for once."""

    def __init__(self, ask_passphrase: Callable[[str], Secret | None] | None = None) -> None:
        self._ask = ask_passphrase
        self._lock = threading.Lock()
        self._keys: dict[Path, paramiko.PKey] = {}

    def load(self, host: str, path: Path) -> paramiko.PKey:
        """Return the key of a file.

        Raises:
            AuthenticationError: no such file, not a private key, or no right passphrase.
        """
        forbid_core_dumps()
        # One thread asks, the others wait for its answer.
        with self._lock:
            if path not in self._keys:
                self._keys[path] = self._read(host, path)
            return self._keys[path]

    def _read(self, host: str, path: Path) -> paramiko.PKey:
        try:
            _check(host, path)
            return _open(path, None)
        except TypeError:  # how the reader says that the key is encrypted
            return self._decrypt(host, path)
        except FileNotFoundError:
            raise AuthenticationError(host, f"no key file {path}", hint="see ssh.key in the inventory") from None
        except OSError as error:
            raise AuthenticationError(host, f"cannot read key {path}: {error.strerror}") from None
        except (paramiko.SSHException, UnsupportedAlgorithm, ValueError):
            raise AuthenticationError(
                host, f"{path} is not a private key that can be read", hint="make one: ssh-keygen -t ed25519"
            ) from None

    def _decrypt(self, host: str, path: Path) -> paramiko.PKey:
        for passphrase in self._passphrases(path):
            try:
                return _open(path, passphrase)
            except (paramiko.SSHException, UnsupportedAlgorithm, ValueError):
                continue  # the wrong passphrase; each key format says it with another error
        raise AuthenticationError(
            host,
            f"key {path} is locked by a passphrase, and none was right",
            hint=f"ssh-add it to an agent, or set {PASSPHRASE_VARIABLE}",
        )

    def _passphrases(self, path: Path) -> Iterator[Secret]:
        variable = os.environ.get(PASSPHRASE_VARIABLE)
        if variable is not None:
            yield Secret(variable)
        for _ in range(PASSPHRASE_TRIES if self._ask else 0):
            answer = self._ask(f"Passphrase of {path}: ") if self._ask else None
            if answer is None:
                return
            yield answer


def _check(host: str, path: Path) -> None:
    """Refuse what ssh refuses: a key that others may read, and a public key instead of a private one."""
    if public_file(path) is not None:
        raise AuthenticationError(host, f"{path} is a public key, and no agent holds its private half")
    mode = path.stat().st_mode
    if not is_private(path):
        raise AuthenticationError(
            host, f"key {path} can be read by others (mode {mode & 0o777:04o})", hint=f"chmod 600 {path}"
        )


def _open(path: Path, passphrase: Secret | None) -> paramiko.PKey:
    read_regular(path)  # paramiko would wait for a pipe
    secret = None if passphrase is None else passphrase.reveal()
    key = paramiko.PKey.from_path(path, secret)  # type: ignore[arg-type]  # goes to cryptography, which wants bytes
    key.public_blob = None  # paramiko loads the certificate next to it, too; which one is sent is decided here
    return key


def opens_without_passphrase(path: Path) -> bool:
    """Return whether a file is a private key that a program without a terminal can use."""
    try:
        _open(path, None)
    except (TypeError, OSError, paramiko.SSHException, UnsupportedAlgorithm, ValueError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Candidate:
    """One key to try: what errors call it, and how to get at it."""

    name: str
    load: Callable[[], paramiko.PKey]
    required: bool = False


class Login(AuthStrategy):
    """Tries one key after the other until the server takes one; remembers what was tried.

    The order is ssh's (``pubkey_prepare``), behind the inventory's key: the right one at once saves a round trip a
    host, and sshd ends a connection after six wrong keys (MaxAuthTries).
    """

    def __init__(self, target: Target, ring: LoginKeys) -> None:
        super().__init__(ssh_config=paramiko.SSHConfig())
        self._target = target
        self._ring = ring
        self._agent: Agent | None = None
        self._transport: paramiko.Transport | None = None
        self._limit = target.timeout
        self.tried: list[str] = []
        self.cut_off = False
        """Whether the server hung up before all keys were tried."""
        self.unanswered = False
        """Whether the server did not answer in time; the other keys are not tried, each would wait as long."""

    def authenticate(self, transport: paramiko.Transport) -> list[SourceResult]:
        """Log in, as paramiko does; remembers the connection, to see when the server ends it.

        A question and its answer have what the key exchange left of the attempt's time.
        """
        self._transport = transport
        spent = transport.exchanged_after if isinstance(transport, Transport) else 0.0
        transport.auth_timeout = self._limit = max(self._target.timeout - spent, LEAST)
        return super().authenticate(transport)

    def get_sources(self) -> Iterator[InMemoryPrivateKey]:
        """Yield the keys in the order to try them."""
        for candidate in self._candidates() if self._target.keys.allowed else ():
            if self._transport is not None and not self._transport.is_active():
                self.cut_off = True
                return
            try:
                key = candidate.load()
            except AuthenticationError as error:
                if candidate.required:
                    raise
                self.tried.append(f"{candidate.name} (not usable: {error.message})")
                continue
            self.tried.append(f"{candidate.name} ({key.get_name()} {fingerprint(key)})")
            asked = time.monotonic()
            yield InMemoryPrivateKey(self._target.user, key)
            self.unanswered = time.monotonic() - asked >= self._limit
            if self.unanswered:
                return

    def close(self) -> None:
        """Let go of the agent."""
        if self._agent is not None:
            self._agent.close()

    def _candidates(self) -> Iterator[Candidate]:
        wanted = self._target.keys
        held = self._agent_keys()
        plain = {key.asbytes(): key for key in held if not is_certificate(key.name)}
        files = {path: public_half(path) for path in wanted.files if path.exists()}
        if wanted.required is not None:
            files = {wanted.required: public_half(wanted.required), **files}
            yield from self._of_file(wanted.required, files, plain, required=True)
        for path in wanted.certificates:
            yield from self._signed(path, files, plain)
        rest = [path for path in files if path != wanted.required]
        yield from self._of_files([path for path in rest if files[path] in plain], files, plain)
        named = set(files.values())
        for key in [] if wanted.only else held:
            if is_certificate(key.name) or key.asbytes() not in named:
                yield Candidate("agent key", partial(_same, key))
        yield from self._of_files([path for path in rest if files[path] not in plain], files, plain)

    def _of_files(
        self, paths: list[Path], files: dict[Path, bytes], plain: dict[bytes, paramiko.AgentKey]
    ) -> Iterator[Candidate]:
        for path in paths:
            yield from self._of_file(path, files, plain)

    def _of_file(
        self, path: Path, files: dict[Path, bytes], plain: dict[bytes, paramiko.AgentKey], *, required: bool = False
    ) -> Iterator[Candidate]:
        """Yield a key file's certificate, where there is one next to it, and the key itself."""
        if not self._target.keys.certificates:
            yield from self._signed(path.with_name(f"{path.name}-cert.pub"), {path: files[path]}, plain)
        yield Candidate(*self._private(path, files[path], plain), required=required)

    def _signed(
        self, path: Path, files: dict[Path, bytes], plain: dict[bytes, paramiko.AgentKey]
    ) -> Iterator[Candidate]:
        """Yield a certificate with the private key that it is for; nothing when there is none of the two."""
        public = public_file(path)
        certificate = read_certificate(public.kind, public.blob) if public else None
        if public is None or certificate is None:
            return
        for file, half in files.items():
            if half == certificate.subject:
                _, load = self._private(file, half, plain)
                yield Candidate(f"certificate {path}", partial(_with_certificate, load, public))
                return
        if certificate.subject in plain:
            load = partial(_same, plain[certificate.subject])
            yield Candidate(f"certificate {path} by agent", partial(_with_certificate, load, public))

    def _private(
        self, path: Path, half: bytes, plain: dict[bytes, paramiko.AgentKey]
    ) -> tuple[str, Callable[[], paramiko.PKey]]:
        held = plain.get(half)
        if held is not None:  # the agent has it open: no passphrase needed
            return f"{path} by agent", partial(_same, held)
        return str(path), partial(self._ring.load, self._target.label, path)

    def _agent_keys(self) -> list[paramiko.AgentKey]:
        if self._target.keys.agent is None:
            return []
        try:
            self._agent = Agent(self._target.keys.agent)
            return self._agent.keys()
        except (paramiko.SSHException, OSError):
            return []  # a dead agent counts as none: the other keys are tried and named


def _same(key: paramiko.AgentKey) -> paramiko.PKey:
    return key


def _with_certificate(load: Callable[[], paramiko.PKey], public: PublicHalf) -> paramiko.PKey:
    key = load()
    fresh = (
        paramiko.AgentKey(key.agent, key.blob, key.comment) if isinstance(key, paramiko.AgentKey) else copy.copy(key)
    )
    fresh.public_blob = PublicBlob(public.kind, public.blob)
    return fresh
