"""Credentials as the AWS command line keeps them: ``~/.aws/credentials`` and ``~/.aws/config``, by profile.

Keys of a profile are taken; what must be asked of another service first (SSO, roles, programs) is left to that tool.
"""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.model.base import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

_ASKS = ("sso_session", "sso_start_url", "role_arn", "credential_process", "web_identity_token_file")


@dataclass(frozen=True, slots=True)
class Profile:
    """What the files say of one profile; empty where they say nothing."""

    name: str
    key_id: str = ""
    secret: Secret | None = None
    token: Secret | None = None
    region: str = ""
    endpoint: str = ""


def read_profile(environment: Mapping[str, str]) -> Profile:
    """Return the profile that ``AWS_PROFILE`` names, or ``default``.

    Raises:
        UsageError: the profile does not exist, it has no keys of its own, or a file cannot be read.
    """
    name = environment.get("AWS_PROFILE", "")
    home = Path(environment.get("HOME") or Path.home())
    keys = _section(environment.get("AWS_SHARED_CREDENTIALS_FILE") or home / ".aws/credentials", name or "default")
    wanted = f"profile {name}" if name and name != "default" else "default"
    settings = _section(environment.get("AWS_CONFIG_FILE") or home / ".aws/config", wanted)
    found = {**settings, **keys}
    if name and not found:
        raise UsageError(
            f"there is no profile {name!r} in ~/.aws/credentials or ~/.aws/config",
            hint="correct AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    asks = [key for key in _ASKS if key in found]
    if asks and "aws_secret_access_key" not in found:
        raise UsageError(
            f"profile {name or 'default'!r} has no keys itself, but {asks[0]}",
            hint='eval "$(aws configure export-credentials --format env)" puts its keys into the environment',
        )
    return Profile(
        name=name or "default",
        key_id=found.get("aws_access_key_id", ""),
        secret=_secret(found.get("aws_secret_access_key")),
        token=_secret(found.get("aws_session_token")),
        region=found.get("region", ""),
        endpoint=found.get("endpoint_url", ""),
    )


def _section(path: str | Path, name: str) -> Mapping[str, str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(Path(path).expanduser().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="make it readable for you alone") from None
    except (configparser.Error, UnicodeDecodeError):  # the error quotes lines, which may be keys
        raise UsageError(f"{path} is not a file of profiles", hint="`aws configure` writes it") from None
    return dict(parser[name]) if parser.has_section(name) else {}


def _secret(text: str | None) -> Secret | None:
    return Secret(text) if text else None
