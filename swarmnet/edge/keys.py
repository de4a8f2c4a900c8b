"""Keys of backups: who can open (age identities and recipients), who signs, whose signature is trusted.

They lie in one directory of the operator's (mode 0700), not beside the backups: whoever can write the repository must
not be able to add himself as a recipient or as a signer.

======================  ====================================================================
``identity.txt``        age identity (``AGE-SECRET-KEY-1...``) of this operator, 0600
``signing.key``         Ed25519 key in OpenSSH's own format, 0600
``recipients.txt``      ``age1...`` or ``ssh-ed25519 ...`` keys that every backup is sealed to
``signers.txt``         ``ssh-ed25519 ...`` keys whose backups are accepted
======================  ====================================================================

The text files have one key a line; what follows a ``#`` is its name.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyrage
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from swarmnet.edge.files import locked
from swarmnet.errors import UsageError, WrongKeyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from swarmnet.model.base import Secret

_PUBLIC = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who can open backups."""

    key: str
    """``age1...`` or ``ssh-ed25519 AAAA...``."""
    name: str = ""

    @property
    def fingerprint(self) -> str:
        """What headers show of the key."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:16]

    def age(self) -> pyrage.x25519.Recipient | pyrage.ssh.Recipient:
        """Return the key as age wants it; raise ``UsageError`` when it is none."""
        kind = pyrage.x25519.Recipient if self.key.startswith("age1") else pyrage.ssh.Recipient
        try:
            return kind.from_str(self.key)
        except pyrage.RecipientError as error:
            raise UsageError(
                f"this is no recipient: {error}",
                hint="give an `age1...` or an `ssh-ed25519 AAAA...` public key",
            ) from error


@dataclass(frozen=True, slots=True)
class Signer:
    """A public key that signs backups, as 64 hex digits."""

    key: str
    name: str = ""

    @property
    def line(self) -> str:
        """The key as OpenSSH writes it."""
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key))
        return public.public_bytes(*_PUBLIC).decode()


def parse_recipient(text: str) -> Recipient:
    """Read one recipient, with its name behind ``#`` or, for SSH keys, as the comment."""
    key, _, name = (part.strip() for part in text.partition("#"))
    words = key.split()
    if words and words[0] == "ssh-ed25519" and len(words) > 1:
        recipient = Recipient(" ".join(words[:2]), name or " ".join(words[2:]))
    else:
        recipient = Recipient(key, name)
    recipient.age()
    return recipient


def parse_signer(text: str) -> Signer:
    """Read one trusted signer: an OpenSSH public key, or its 32 bytes as 64 hex digits."""
    key, _, name = (part.strip() for part in text.partition("#"))
    words = key.split()
    try:
        if words[:1] == ["ssh-ed25519"]:
            public = serialization.load_ssh_public_key(" ".join(words[:2]).encode())
        else:
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"this is no Ed25519 public key: {error}") from error
    return Signer(public.public_bytes(*_RAW).hex(), name or " ".join(words[2:]))


def load_signing_key(path: Path, passphrase: Secret | None = None) -> Ed25519PrivateKey:
    """Read an Ed25519 private key, OpenSSH's format or PEM.

    Raises:
        UsageError: no such file, or no Ed25519 key.
        WrongKeyError: its passphrase is missing or wrong.
    """
    data, password = read_file(path), passphrase.reveal() if passphrase else None
    load = serialization.load_ssh_private_key if b"OPENSSH PRIVATE KEY" in data else serialization.load_pem_private_key
    try:
        key = load(data, password=password)
    except TypeError as error:
        raise WrongKeyError(f"{path}: the key has a passphrase, or was given one that it has not") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        kind = WrongKeyError if password else UsageError
        raise kind(f"{path}: no private key that can be read here, or its passphrase is wrong") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{path}: not an Ed25519 key", hint="make one: ssh-keygen -t ed25519")
    return key


def load_identities(path: Path, passphrase: Secret | None = None) -> Sequence[object]:
    """Read age identities or an ``ssh-ed25519`` private key; a passphrase is taken off in memory.

    Raises:
        UsageError: no such file, or no identity in it.
        WrongKeyError: its passphrase is missing or wrong.
    """
    data = read_file(path)
    if b"PRIVATE KEY" in data:
        key = load_signing_key(path, passphrase)
        plain = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        return [pyrage.ssh.Identity.from_buffer(plain)]
    try:
        lines = [line.strip() for line in data.decode().splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (pyrage.IdentityError, UnicodeDecodeError):
        raise UsageError(f"{path}: a line is no age identity") from None
    if not found:
        raise UsageError(f"{path}: holds no age identity")
    return found


def read_file(path: Path) -> bytes:
    """Return a key file's bytes; raise ``UsageError`` when there is none."""
    try:
        return path.expanduser().read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}", hint="`swarmnet keys init` makes keys; --keys names their directory"
        ) from error


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return a signer's public key as 64 hex digits."""
    return key.public_bytes(*_RAW).hex()


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The directory of keys."""

    directory: Path

    @property
    def identity(self) -> Path:
        """Where this operator's identity is."""
        return self.directory / "identity.txt"

    @property
    def signing_key(self) -> Path:
        """Where the signing key is."""
        return self.directory / "signing.key"

    def recipients(self) -> tuple[Recipient, ...]:
        """Return whom backups are sealed to."""
        return tuple(parse_recipient(line) for line in self._lines("recipients.txt"))

    def signers(self) -> tuple[Signer, ...]:
        """Return whose backups are accepted."""
        return tuple(parse_signer(line) for line in self._lines("signers.txt"))

    def create(self, name: str, *, recovery_file: Path | None = None) -> str:
        """Make identity, recovery identity and signing key; return the recovery identity, which is kept nowhere else.

        All of it or nothing: what could not be finished is taken away again, and can be tried again.

        Args:
            name: the operator's, for the lists.
            recovery_file: where the recovery identity is written, before anything is sealed to it.

        Raises:
            UsageError: there are keys already, which are never overwritten; or something cannot be written.
        """
        with self._changing():
            return self._create(name, recovery_file)

    def _create(self, name: str, recovery_file: Path | None) -> str:
        for path in (self.identity, self.signing_key, *([recovery_file] if recovery_file else [])):
            if path.exists():
                raise UsageError(
                    f"{path} exists already; overwriting it could make backups unreadable for ever",
                    hint="use `swarmnet keys list`, or name another --keys directory or --recovery-file",
                )
        identity, recovery = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
        signing = Ed25519PrivateKey.generate()
        private = signing.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        files = [(self.identity, f"{identity}\n".encode()), (self.signing_key, private)]
        if recovery_file is not None:
            files.insert(0, (recovery_file, f"{recovery}\n".encode()))
        with contextlib.ExitStack() as unfinished:
            for path, data in files:
                handle = _make_private(path)
                unfinished.callback(path.unlink, missing_ok=True)  # ours to take away only once we made it
                _fill(handle, data)
            self._add_recipient(Recipient(str(identity.to_public()), name))
            self._add_recipient(Recipient(str(recovery.to_public()), "recovery"))
            self._add_signer(Signer(fingerprint(signing.public_key()), name))
            unfinished.pop_all()
        return str(recovery)

    def add_recipient(self, recipient: Recipient) -> None:
        """Seal future backups to this recipient, too."""
        with self._changing():
            self._add_recipient(recipient)

    def _add_recipient(self, recipient: Recipient) -> None:
        if recipient.key not in {known.key for known in self.recipients()}:
            self._append("recipients.txt", recipient.key, recipient.name)

    def add_signer(self, signer: Signer) -> None:
        """Accept backups of this signer, too."""
        with self._changing():
            self._add_signer(signer)

    def _add_signer(self, signer: Signer) -> None:
        if signer.key not in {known.key for known in self.signers()}:
            self._append("signers.txt", signer.line, signer.name)

    def remove(self, name: str) -> int:
        """Take recipients and signers of that name, key or fingerprint out; return how many."""
        if not self.directory.is_dir():
            return 0
        with self._changing():
            return self._remove(name)

    def _remove(self, name: str) -> int:
        count = 0
        recipients, signers = self.recipients(), self.signers()
        kept = [r for r in recipients if name not in (r.name, r.key, r.fingerprint)]
        trusted = [s for s in signers if name not in (s.name, s.key, s.line)]
        for file, all_lines, lines in (
            ("recipients.txt", recipients, [f"{r.key} # {r.name}" for r in kept]),
            ("signers.txt", signers, [f"{s.line} # {s.name}" for s in trusted]),
        ):
            if len(lines) != len(all_lines):
                count += len(all_lines) - len(lines)
                _replace(self.directory / file, "".join(f"{line}\n" for line in lines))
        return count

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep other processes from changing the same keys; what cannot be written is told in one sentence."""
        with _written():
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(self.directory):
                yield

    def _lines(self, file: str) -> list[str]:
        try:
            text = (self.directory / file).read_text("utf-8")
        except FileNotFoundError:
            return []
        return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]

    def _append(self, file: str, key: str, name: str) -> None:
        clean = "".join(char for char in name if char.isprintable() and char != "#")
        text = "".join(f"{line}\n" for line in [*self._lines(file), f"{key} # {clean}"])
        _replace(self.directory / file, text)


@contextlib.contextmanager
def _written() -> Iterator[None]:
    """Tell in one sentence what cannot be written, and why."""
    try:
        yield
    except OSError as error:
        where = error.filename or "the directory of keys"
        raise UsageError(
            f"cannot write {where}: {error.strerror}; nothing was changed",
            hint="make room or give permission there, or name another directory with --keys",
        ) from None


def _make_private(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)


def _fill(handle: int, data: bytes) -> None:
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{base64.b16encode(os.urandom(4)).decode()}")
    try:
        _fill(_make_private(temporary), text.encode())
        temporary.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
