"""What a target is called: a directory, ``sftp://[user@]host[:port]/path`` or ``s3://bucket[/prefix]``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from swarmnet.errors import UsageError
from swarmnet.model.hosts import is_host_name

SCHEMES = ("sftp", "s3")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PASSWORD = re.compile(r"[^:]+:(//)?[^/@]*:[^/@]*@")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@$-]*", re.ASCII)
_FORMS = "sftp://USER@HOST[:PORT]/PATH, or s3://BUCKET/PREFIX"


@dataclass(frozen=True, slots=True)
class SftpLocation:
    """A folder on an SFTP server; None leaves user and port to ssh_config."""

    host: str
    path: str
    """Absolute, or relative to the login's home (``/~/...``)."""
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"sftp://{user}{host}{port}/{self.path.removeprefix('/') if self.path[:1] == '/' else f'~/{self.path}'}"


@dataclass(frozen=True, slots=True)
class S3Location:
    """A prefix in a bucket."""

    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


Location = Path | SftpLocation | S3Location


def is_url(text: str) -> bool:
    """Return whether a text is the URL of a target, not a directory of this machine."""
    return _URL.match(text) is not None and not Path(text).exists()


def read_location(text: str) -> Location:
    """Return the target that a text names.

    Raises:
        UsageError: it names no target, or has a password in it, which is not repeated.
    """
    if not is_url(text):
        return Path(text)
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise UsageError("the URL of a target is not well formed", hint=f"write {_FORMS}") from None
    if url.password is not None or _PASSWORD.match(text):
        raise UsageError(
            f"the {url.scheme} URL has a password in it, which every user of this machine can read",
            hint="change that password; sftp logs in with the keys of ssh_config and the agent, s3 with the environment"
            " or a profile (AWS_PROFILE)",
        )
    if url.scheme not in SCHEMES or "://" not in text:
        raise UsageError(
            f"{text} is not a directory, and not a target",
            hint=f"write a directory, {_FORMS}; for a directory whose name has a colon, write ./NAME",
        )
    if url.query or url.fragment:
        raise UsageError(f"the {url.scheme} URL of a target has no part after ? or #", hint=f"write {_FORMS}")
    return _sftp(url, port) if url.scheme == "sftp" else _s3(url, port)


def _sftp(url: SplitResult, port: int | None) -> SftpLocation:
    user, path = None if url.username is None else unquote(url.username), unquote(url.path)
    if not url.hostname or not is_host_name(url.hostname):
        raise UsageError("the sftp URL names no host", hint=f"write {_FORMS}")
    if user is not None and _USER.fullmatch(user) is None:
        raise UsageError(f"{user!r} is not a login name", hint=f"write {_FORMS}")
    if not path.strip("/") or "\0" in path or ".." in path.split("/"):
        raise UsageError("the sftp URL names no folder for the backups", hint=f"write {_FORMS}; /~/PATH is in the home")
    folder = path.removeprefix("/~/") if path.startswith("/~/") else path
    return SftpLocation(url.hostname, folder.rstrip("/"), user, port)


def _s3(url: SplitResult, port: int | None) -> S3Location:
    if port is not None or url.username is not None:
        raise UsageError(
            "an s3 URL has a bucket where others have a host",
            hint="write s3://BUCKET/PREFIX, and name the store with AWS_ENDPOINT_URL",
        )
    if _BUCKET.fullmatch(url.netloc) is None:
        raise UsageError(f"{url.netloc!r} is not the name of a bucket", hint=f"write {_FORMS}")
    parts = [part for part in unquote(url.path).split("/") if part]
    if any(part in (".", "..") or not part.isprintable() for part in parts):
        raise UsageError("the s3 URL has a prefix with . or .. in it", hint=f"write {_FORMS}")
    return S3Location(url.netloc, "/".join(parts))
