"""Keys of backups: who can open (age identities and recipients), and who signs."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyrage
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from swarmnet.edge.backups import plugins
from swarmnet.edge.operator.owned_files import read_private
from swarmnet.errors import DamagedError, UsageError, WrongKeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from swarmnet.errors import SwarmnetError
    from swarmnet.model.base import Secret

    Ask = Callable[[Path], Secret | None]
    """Returns the passphrase of a file, or None when there is no one to ask."""

_PUBLIC = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
_SSH_KINDS = ("ssh-ed25519", "ssh-rsa")
"""What age seals to, of OpenSSH's kinds."""
_PUBLIC_SSH = (b"ssh-", b"ecdsa-", b"sk-ssh-", b"sk-ecdsa-")
_ENCRYPTED = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----")
_MEASUREMENTS = 20
"""Times that age may measure the machine, about ten milliseconds each."""
_SIGNER = re.compile(r"^# signer: (.+)$", re.MULTILINE)
"""A line of an identity file that names a signer: age takes it for a comment."""


def nobody(_path: Path) -> None:
    """Answer for those who cannot be asked for a passphrase."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Someone who can open backups."""

    key: str
    """``age1...`` or ``ssh-ed25519 AAAA...``."""
    name: str = ""

    @property
    def fingerprint(self) -> str:
        """What headers show of the key."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:16]

    def age(self) -> object:
        """Return the key as age wants it; raise ``UsageError`` when it is none."""
        if plugins.is_recipient(self.key):
            return plugins.recipient(self.key)
        kind = pyrage.x25519.Recipient if self.key.startswith("age1") else pyrage.ssh.Recipient
        try:
            found: object = kind.from_str(self.key)
        except pyrage.RecipientError as error:
            raise UsageError(
                f"this is not a recipient: {_reason(self.key, str(error))}", hint=_KINDS_OF_KEYS
            ) from error
        return found


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

    @property
    def fingerprint(self) -> str:
        """The key's digest as ``ssh-keygen -l`` shows it."""
        blob = base64.b64decode(self.line.split()[1])
        return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


_KINDS_OF_KEYS = (
    "give an `age1...`, `ssh-ed25519 AAAA...` or `ssh-rsa AAAA...` public key; a new one comes from"
    " `age-keygen -o identity.txt` or `ssh-keygen -t ed25519`"
)


def _reason(key: str, said: str) -> str:
    """Return why age takes no such key, without the key: it may be a private one."""
    if key.startswith("AGE-SECRET-KEY-"):
        return "it is a private key; its public half begins with age1 (age-keygen -y FILE)"
    if "RsaModulusTooSmall" in said:
        return "RSA keys need 2048 bits"
    kind = re.match(
        r"(?:ecdsa-sha2-nistp[0-9]+|sk-[a-z0-9-]+@openssh\.com|ssh-dss|age1[a-z0-9]+?1)(?=[ a-z0-9]|$)", key
    )
    return f"age cannot seal to keys of the kind {kind[0]}" if kind and "Unsupported" in said else said


_OLD_FORMS = {
    "BEGIN SSH2 PUBLIC KEY": "ssh-keygen -i -m RFC4716 -f FILE",
    "BEGIN RSA PUBLIC KEY": "ssh-keygen -i -m PEM -f FILE",
    "BEGIN PUBLIC KEY": "ssh-keygen -i -m PKCS8 -f FILE",
}
"""What other forms of public keys begin with, and what prints them as OpenSSH does."""


def _check_form(text: str) -> None:
    """Return when a text is not another form of a key; raise ``UsageError`` with the command that converts it."""
    if "PRIVATE KEY" in text:
        raise UsageError(
            "this is a private key: only its public half is added here",
            hint="print that with `ssh-keygen -y -f FILE`, and keep FILE to open backups: --identity FILE",
        )
    for form, command in _OLD_FORMS.items():
        if form in text:
            raise UsageError(
                "this public key is in an older form, which age does not read",
                hint=f'convert it: swarmnet keys add "$({command})"',
            )


def parse_recipient(text: str) -> Recipient:
    """Read one recipient, with its name behind ``#`` or, for SSH keys, as the comment."""
    _check_form(text)
    key, _, name = (part.strip() for part in text.partition("#"))
    words = key.split()
    if len(words) > 1 and words[0] in _SSH_KINDS:
        recipient = Recipient(" ".join(words[:2]), name or " ".join(words[2:]))
    else:
        recipient = Recipient(key, name)
    recipient.age()
    return recipient


def parse_signer(text: str) -> Signer:
    """Read one trusted signer: an OpenSSH public key, or its 32 bytes as 64 hex digits."""
    _check_form(text)
    key, _, name = (part.strip() for part in text.partition("#"))
    words = key.split()
    try:
        if words[:1] == ["ssh-ed25519"]:
            public = serialization.load_ssh_public_key(" ".join(words[:2]).encode())
        else:
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"this is not an Ed25519 public key: {error}") from error
    return Signer(public.public_bytes(*_RAW).hex(), name or " ".join(words[2:]))


def load_signing_key(path: Path, ask: Ask = nobody) -> Ed25519PrivateKey:
    """Read an Ed25519 private key, OpenSSH's format or PEM.

    Raises:
        UsageError: no such file, others can read or change it, or no Ed25519 key.
        WrongKeyError: its passphrase is missing or wrong.
    """
    key = _private_key(path, read_private(path), ask)
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{path}: not an Ed25519 key", hint="make one: ssh-keygen -t ed25519")
    return key


@dataclass(frozen=True, slots=True)
class IdentityFile:
    """What a file gives to open with."""

    identities: Sequence[object]
    recipients: tuple[str, ...] = ()
    """The public key of each."""
    signers: tuple[Signer, ...] = ()
    """Whom the file names as signers: a recovery file does, for the day on which nothing else is left."""


def load_identities(path: Path, ask: Ask = nobody) -> IdentityFile:
    """Read age identities or a private SSH key; a passphrase is taken off in memory.

    Raises:
        UsageError: no such file, others can read or change it, or no identity in it.
        WrongKeyError: its passphrase is missing or wrong.
    """
    data = b"ssh-" if path.suffix == ".pub" else read_private(path)
    if data.startswith(_ENCRYPTED):
        try:
            data = _opened_by_passphrase(data, _passphrase(path, ask).decode(), path)
        except (pyrage.DecryptError, UnicodeDecodeError):
            raise WrongKeyError(f"{path}: its passphrase is wrong, or it is damaged") from None
    if b"PRIVATE KEY" in data:
        key = _private_key(path, data, ask)
        plain = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(*_PUBLIC).decode()
        return IdentityFile([pyrage.ssh.Identity.from_buffer(plain)], (public,))
    if data.startswith(_PUBLIC_SSH):
        raise UsageError(
            f"{path}: a public key; opening needs the private one, which ssh-agent never gives out: it signs, it does"
            " not decrypt",
            hint="name the file of the private key; its passphrase is asked for",
        )
    try:
        text = data.decode()
        found = tuple(_identities(text, path, ask))
    except (pyrage.IdentityError, UnicodeDecodeError):
        raise UsageError(f"{path}: a line is not an age identity") from None
    if not found:
        raise UsageError(f"{path}: holds no age identity")
    identities, publics = zip(*found, strict=True)
    return IdentityFile(identities, publics, tuple(parse_signer(one) for one in _SIGNER.findall(text)))


def _opened_by_passphrase(data: bytes, passphrase: str, path: Path) -> bytes:
    """Return what age encrypted with a passphrase.

    age measures the machine at each call, and refuses what would take much longer than a second. A machine that is busy
    for the milliseconds of the measurement seems slow, so it is measured again.

    Raises:
        pyrage.DecryptError: the passphrase is wrong, or the file is damaged.
        WrongKeyError: the passphrase takes too much work for this machine.
    """
    for _ in range(_MEASUREMENTS):
        try:
            opened: bytes = pyrage.passphrase.decrypt(data, passphrase)
        except pyrage.DecryptError as error:
            if "Excessive work" not in str(error):
                raise
        else:
            return opened
    raise WrongKeyError(
        f"{path}: its passphrase takes more work than age does on this machine",
        hint="try again when the machine is less busy, or give an identity that was encrypted with less work",
    )


def _identities(text: str, path: Path, ask: Ask) -> Iterator[tuple[object, str]]:
    """Yield each identity of a file with its recipient; of a plugin's, the comments name it, or it is empty."""
    comments: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("#"):
            comments.append(line)
        elif line.startswith(plugins.IDENTITY):
            yield plugins.identity(line, path, ask), plugins.public_of(comments)
        elif line:
            found = pyrage.x25519.Identity.from_str(line)
            yield found, str(found.to_public())


def unopened(error: pyrage.DecryptError, recipients: Sequence[str]) -> SwarmnetError:
    """Return why the available identities do not open what is sealed: none fits, a plugin failed, or it is damaged."""
    said = str(error)
    if "matching" in said or "plugin" in said.lower():
        return WrongKeyError(
            f"none of your identities opens it ({said})",
            hint=f"it is sealed to {', '.join(recipients)}; give --identity FILE",
        )
    return DamagedError(f"the sealed part is not a valid age file: {said}")


def _private_key(path: Path, data: bytes, ask: Ask) -> Ed25519PrivateKey | RSAPrivateKey:
    load = serialization.load_ssh_private_key if b"OPENSSH PRIVATE KEY" in data else serialization.load_pem_private_key
    password = None
    try:
        try:
            key = load(data, None)
        except TypeError:  # how the reader says that the key is encrypted
            password = _passphrase(path, ask)
            key = load(data, password)
    except (ValueError, UnsupportedAlgorithm) as error:
        kind = WrongKeyError if password else UsageError
        raise kind(f"{path}: no private key that can be read here, or its passphrase is wrong") from error
    if not isinstance(key, Ed25519PrivateKey | RSAPrivateKey):
        raise UsageError(f"{path}: neither an Ed25519 nor an RSA key", hint="make one: ssh-keygen -t ed25519")
    return key


def _passphrase(path: Path, ask: Ask) -> bytes:
    secret = ask(path)
    if secret is None:
        raise WrongKeyError(
            f"{path} has a passphrase", hint="set SWARMNET_KEY_PASSPHRASE, or run the command at a terminal"
        )
    return secret.reveal()


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return a signer's public key as 64 hex digits."""
    return key.public_bytes(*_RAW).hex()
