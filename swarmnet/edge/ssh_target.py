"""Where a connection goes and how: the inventory's settings laid over ``~/.ssh/config``."""

from __future__ import annotations

import getpass
import glob
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko

from swarmnet.edge.known_hosts import known_name
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from swarmnet.model.hosts import Host, HostKeyPolicy, Inventory, SSHSettings, SudoPolicy

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
MAX_INCLUDES = 16
_JUMP = re.compile(r"(?:(?P<user>[^@]+)@)?(?:\[(?P<v6>[^\]]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Target:
    """One SSH server and the login to it; equal targets share one connection."""

    label: str
    """Host name of the inventory, or ``jump host NAME``."""
    hostname: str
    port: int
    user: str
    key: Path | None
    """The key named by the inventory: must be there, and goes first."""
    identities: tuple[Path, ...]
    """Further keys to try if they exist."""
    agent: bool
    known_hosts: tuple[Path, ...]
    known_as: str
    policy: HostKeyPolicy
    sudo: SudoPolicy
    timeout: float
    """Seconds for each step of one attempt: TCP, banner, key exchange, login."""
    attempts: int
    via: Target | None = None
    command: str | None = None
    """ProxyCommand."""

    @property
    def place(self) -> str:
        """``user@host:port``, as errors show it."""
        name = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return f"{self.user}@{name}:{self.port}"


class TargetFinder:
    """Finds the targets of an inventory's hosts."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._configs: dict[Path, paramiko.SSHConfig] = {}

    def target(self, host: Host) -> Target:
        """Return how to reach a host.

        Raises:
            UsageError: the ssh_config file cannot be read, or jump hosts go in a circle.
        """
        return self._target(host.name, host.address, host.ssh, seen=(host.name,))

    def _target(self, label: str, address: str, settings: SSHSettings, *, seen: tuple[str, ...]) -> Target:
        config = self._lookup(settings, address)
        hostname = str(config.get("hostname", address))
        port = settings.port or int(config.get("port", 22))
        via = self._via(label, settings, config, seen=seen)
        return Target(
            label=label,
            hostname=hostname,
            port=port,
            user=settings.user or config.get("user") or getpass.getuser(),
            key=Path(settings.key).expanduser() if settings.key else None,
            identities=_identities(settings, config),
            agent=settings.agent,
            known_hosts=_known_hosts(settings, config),
            known_as=known_name(config.get("hostkeyalias", hostname), port),
            policy=settings.host_keys,
            sudo=settings.sudo,
            timeout=settings.connect_timeout,
            attempts=settings.connect_attempts,
            via=via,
            command=None if via or settings.jump else _unless_none(config.get("proxycommand")),
        )

    def _via(
        self, label: str, settings: SSHSettings, config: paramiko.SSHConfigDict, *, seen: tuple[str, ...]
    ) -> Target | None:
        chain = _unless_none(settings.jump or config.get("proxyjump"))
        if chain is None:
            return None
        before, _, last = chain.rpartition(",")
        inner = settings.model_copy(update={"jump": before or None, "user": None, "port": None})
        if not before and any(last == host.name for host in self._inventory.hosts):
            if last == label:
                return None  # a jump host set for all hosts is itself reached directly
            _refuse_circle(last, seen)
            host = self._inventory.host(last)
            return self._target(host.name, host.address, host.ssh, seen=(*seen, host.name))
        spot = _JUMP.fullmatch(last.removeprefix("ssh://"))
        if spot is None:
            raise UsageError(f"{label}: jump host {last!r} is not [user@]host[:port]")
        address = spot["v6"] or spot["name"]
        _refuse_circle(last, seen)
        given = {"user": spot["user"], "port": int(spot["port"]) if spot["port"] else None}
        return self._target(f"jump host {last}", address, inner.model_copy(update=given), seen=(*seen, last))

    def _lookup(self, settings: SSHSettings, address: str) -> paramiko.SSHConfigDict:
        if settings.config == "":
            return paramiko.SSHConfigDict()
        path = Path(settings.config or "~/.ssh/config").expanduser()
        if path not in self._configs:
            self._configs[path] = _read_config(path, required=settings.config is not None)
        return self._configs[path].lookup(address)


def _refuse_circle(jump: str, seen: tuple[str, ...]) -> None:
    if jump in seen:
        raise UsageError(f"jump hosts go in a circle: {' -> '.join((*seen, jump))}")


def _unless_none(value: str | None) -> str | None:
    return None if value is None or value.lower() == "none" else value


def _identities(settings: SSHSettings, config: paramiko.SSHConfigDict) -> tuple[Path, ...]:
    if settings.key:
        return ()
    files = list(config.get("identityfile", ()))
    return tuple(Path(file).expanduser() for file in files or [f"~/.ssh/{name}" for name in DEFAULT_KEYS])


def _known_hosts(settings: SSHSettings, config: paramiko.SSHConfigDict) -> tuple[Path, ...]:
    if settings.known_hosts:
        return (Path(settings.known_hosts).expanduser(),)
    named = config.get("userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2").split()
    return (*(Path(file).expanduser() for file in named), Path("/etc/ssh/ssh_known_hosts"))


def _read_config(path: Path, *, required: bool) -> paramiko.SSHConfig:
    if not path.exists() and not required:
        return paramiko.SSHConfig()
    try:
        return paramiko.SSHConfig.from_text("\n".join(_config_lines(path, MAX_INCLUDES)))
    except OSError as error:
        raise UsageError(f"cannot read ssh config {path}: {error.strerror}") from None
    except (paramiko.ConfigParseError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read ssh config {path}: {error}") from None


def _config_lines(path: Path, depth: int) -> list[str]:
    """Return a file's lines with those of its ``Include``s in their place, which paramiko passes over."""
    lines: list[str] = []
    for line in path.read_text().splitlines():
        words = line.replace("=", " ", 1).split()
        if words and words[0].lower() == "include" and depth:
            for word in words[1:]:
                pattern = Path(word.strip('"')).expanduser()
                whole = pattern if pattern.is_absolute() else path.parent / pattern
                for name in sorted(glob.glob(str(whole))):  # noqa: PTH207 - Path.glob takes no absolute patterns
                    lines += _config_lines(Path(name), depth - 1)
        else:
            lines.append(line)
    return lines
