"""Which keys are tried at a login, in which order, and what of them may be told."""

from __future__ import annotations

import base64
import os
import threading
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.auth_strategy import AuthStrategy, InMemoryPrivateKey

from swarmnet.edge.known_hosts import fingerprint
from swarmnet.errors import AuthenticationError
from swarmnet.model.base import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from swarmnet.edge.ssh_target import Target

PASSPHRASE_VARIABLE = "SWARMNET_KEY_PASSPHRASE"  # noqa: S105 - a variable's name
PASSPHRASE_TRIES = 3


class KeyRing:
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
        # One thread asks, the others wait for its answer.
        with self._lock:
            if path not in self._keys:
                self._keys[path] = self._read(host, path)
            return self._keys[path]

    def _read(self, host: str, path: Path) -> paramiko.PKey:
        try:
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


def _open(path: Path, passphrase: Secret | None) -> paramiko.PKey:
    secret = None if passphrase is None else passphrase.reveal()
    return paramiko.PKey.from_path(path, secret)  # type: ignore[arg-type]  # goes to cryptography, which wants bytes


def _same(key: paramiko.AgentKey) -> paramiko.PKey:
    return key


@dataclass(frozen=True, slots=True)
class Candidate:
    """One key to try: what errors call it, and how to get at it."""

    name: str
    load: Callable[[], paramiko.PKey]
    required: bool = False


class Login(AuthStrategy):
    """Tries one key after the other until the server takes one; remembers what was tried.

    The inventory's key goes first: the right one at once saves a round trip a host, and sshd ends a connection
    after six wrong keys (MaxAuthTries).
    """

    def __init__(self, target: Target, ring: KeyRing) -> None:
        super().__init__(ssh_config=paramiko.SSHConfig())
        self._target = target
        self._ring = ring
        self._agent: paramiko.Agent | None = None
        self.tried: list[str] = []

    def get_sources(self) -> Iterator[InMemoryPrivateKey]:
        """Yield the keys in the order to try them."""
        for candidate in self._candidates():
            try:
                key = candidate.load()
            except AuthenticationError as error:
                if candidate.required:
                    raise
                self.tried.append(f"{candidate.name} (not usable: {error.message})")
                continue
            self.tried.append(f"{candidate.name} ({key.get_name()} {fingerprint(key)})")
            yield InMemoryPrivateKey(self._target.user, key)

    def close(self) -> None:
        """Let go of the agent."""
        if self._agent is not None:
            self._agent.close()

    def _candidates(self) -> Iterator[Candidate]:
        agent = self._agent_keys()
        if self._target.key is not None:
            yield replace(self._from_file(self._target.key, agent), required=True)
        for path in self._target.identities:
            if path.exists() and self._public(path) in agent:
                yield self._from_file(path, agent)
        for key in agent.values():
            yield Candidate("agent key", partial(_same, key))
        for path in self._target.identities:
            if path.exists() and self._public(path) not in agent:
                yield self._from_file(path, agent)

    def _from_file(self, path: Path, agent: dict[bytes, paramiko.AgentKey]) -> Candidate:
        held = agent.pop(self._public(path), None)
        if held is not None:  # the agent has it open: no passphrase needed
            return Candidate(f"{path} by agent", partial(_same, held))
        return Candidate(str(path), partial(self._ring.load, self._target.label, path))

    def _agent_keys(self) -> dict[bytes, paramiko.AgentKey]:
        if not self._target.agent or "SSH_AUTH_SOCK" not in os.environ:
            return {}
        try:
            self._agent = paramiko.Agent()
            return {key.asbytes(): key for key in self._agent.get_keys()}
        except (paramiko.SSHException, OSError):
            return {}  # a dead agent is no agent: the other keys are tried and named

    @staticmethod
    def _public(path: Path) -> bytes:
        """Return the public half from the ``.pub`` file beside a key, empty when there is none."""
        try:
            words = Path(f"{path}.pub").read_text().split()
            return base64.b64decode(words[1])
        except (OSError, ValueError, IndexError):
            return b""
