"""Where a connection goes and how: the inventory's settings laid over ``~/.ssh/config``."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.edge.operator.children import child_environment
from swarmnet.edge.operator.files import expanded
from swarmnet.edge.ssh import options as read
from swarmnet.edge.ssh.config import SSHConfig, config_files
from swarmnet.edge.ssh.criteria import Criteria, Operator, Reached
from swarmnet.edge.ssh.known_hosts import Trust, known_name
from swarmnet.edge.ssh.words import expand
from swarmnet.errors import Problem, UsageError
from swarmnet.model.hosts import CONNECT_TIMEOUT, JUMP_HOST, HostKeyPolicy, is_host_name, read_jumps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from swarmnet.edge.ssh.config import Options
    from swarmnet.edge.ssh.words import Directive, Tokens
    from swarmnet.model.hosts import Host, Inventory, SSHSettings, SudoPolicy

    T = TypeVar("T")

DEFAULT_KEYS = ("id_rsa", "id_ecdsa", "id_ed25519")
USER_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
CONNECT_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Keys:
    """What a login is tried with."""

    required: Path | None
    """The key that the inventory names: must be there, and goes first."""
    files: tuple[Path, ...]
    """Further keys to try if they exist."""
    certificates: tuple[Path, ...] = ()
    agent: str | None = None
    """The agent's socket; None asks no agent."""
    only: bool = False
    """Leave out the agent's other keys (``IdentitiesOnly``)."""
    allowed: bool = True
    """``PubkeyAuthentication``."""


@dataclass(frozen=True, slots=True)
class Algorithms:
    """Changes to what is offered to the server, in ssh's notation (``a,b``, ``+a``, ``-a``, ``^a``)."""

    ciphers: str | None = None
    macs: str | None = None
    key_exchanges: str | None = None
    host_keys: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One SSH server and the login to it; equal targets share one connection."""

    label: str
    """Host name of the inventory, or ``jump host NAME``."""
    hostname: str
    port: int
    user: str
    keys: Keys
    trust: Trust
    sudo: SudoPolicy
    timeout: float
    """Seconds for one attempt as a whole: TCP, banner, key exchange, login."""
    attempts: int
    via: Target | None = None
    command: str | None = None
    """ProxyCommand."""
    family: socket.AddressFamily = socket.AF_UNSPEC
    bind: str | None = None
    """The address on this machine to connect from."""
    keepalive: int | None = None
    """Seconds between keep-alives; None means swarmnet's own, 0 means none."""
    algorithms: Algorithms = Algorithms()

    @property
    def place(self) -> str:
        """``user@host:port``, as errors show it."""
        name = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return f"{self.user}@{name}:{self.port}"


class TargetFinder:
    """Finds the targets of an inventory's hosts."""

    def __init__(self, inventory: Inventory, environment: Mapping[str, str] | None = None) -> None:
        """Prepare; ``environment`` is the process's own unless given."""
        self._inventory = inventory
        self._environment = os.environ if environment is None else environment
        self._configs: dict[str | None, SSHConfig] = {}
        self._criteria = Criteria(_operator(self._environment), child_environment(self._environment))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What the files of the hosts found so far ask for and swarmnet does not do, each line once."""
        found = (warning for config in self._configs.values() for warning in config.warnings)
        return tuple(dict.fromkeys(found))

    def target(self, host: Host) -> Target:
        """Return how to reach a host.

        Raises:
            UsageError: an ssh_config file is wrong, cannot be read or can be written by others, or jump hosts go in a
                circle.
        """
        return self._target(host.name, host.address, host.ssh, seen=(host.name,))

    def _target(
        self, label: str, address: str, settings: SSHSettings, *, seen: tuple[str, ...], lent: _Lent | None = None
    ) -> Target:
        """Return a target; ``lent`` makes it a jump host outside of the inventory."""
        config = self._config(settings.config)
        proxied = (settings.jump or "none").lower() != "none"
        options, hostname = config.look_up(address, user=settings.user, port=settings.port, proxied=proxied)
        if not is_host_name(hostname):
            raise UsageError(f"{label}: {hostname!r} is not the name of a host")
        found = _Found(options, self._criteria, settings, hostname, address)
        via = self._via(label, settings, found, seen=seen, lent=lent or _Lent(settings.key, settings.known_hosts))
        target = found.target(label) if lent is None else found.hop(label, lent)
        return replace(target, via=via, command=None if via or settings.jump else target.command)

    def _via(
        self, label: str, settings: SSHSettings, found: _Found, *, seen: tuple[str, ...], lent: _Lent
    ) -> Target | None:
        chain = settings.jump or found.chain()
        if chain is None or chain.lower() == "none":
            return None
        before, _, last = chain.rpartition(",")
        if not before and any(last == host.name for host in self._inventory.hosts):
            if last == label:
                return None  # a jump host set for all hosts is itself reached directly
            _refuse_circle(last, seen)
            host = self._inventory.host(last)
            return self._target(host.name, host.address, host.ssh, seen=(*seen, host.name))
        try:
            jump = read_jumps(last)[0]
        except ValueError as error:
            raise UsageError(f"{label}: jump host {error}") from None
        _refuse_circle(last, seen)
        # User, port, key and known_hosts of the host are its own; ssh_config and the chain say those of the jump host.
        own = {"jump": before or None, "user": jump.user, "port": jump.port, "key": None, "known_hosts": None}
        inner = settings.model_copy(update=own)
        return self._target(f"{JUMP_HOST}{last}", jump.host, inner, seen=(*seen, last), lent=lent)

    def _config(self, named: str | None) -> SSHConfig:
        if named not in self._configs:
            self._configs[named] = SSHConfig(config_files(named, self._environment), self._criteria)
        return self._configs[named]


@dataclass(frozen=True, slots=True)
class _Lent:
    """What the inventory says for a host, and its jump hosts use where ssh_config has nothing for them."""

    key: str | None
    known_hosts: str | None


class _Found:
    """What the inventory and ssh_config say together about one host."""

    def __init__(
        self, options: Options, criteria: Criteria, settings: SSHSettings, hostname: str, address: str
    ) -> None:
        self._options = options
        self._criteria = criteria
        self._settings = settings
        self.port = settings.port or self.value("port", read.port) or 22
        self.alias = self.value("hostkeyalias", read.text)
        self._reached = Reached(
            host=hostname,
            original=address,
            port=self.port,
            user=settings.user or criteria.operator.user,
            alias=self.alias.lower() if self.alias else address,
            jump=self._jump(),
        )
        if settings.user is None:
            self._reached = replace(self._reached, user=self._user())

    def value(self, keyword: str, reader: Callable[[Directive], T]) -> T | None:
        """Return the value of an option, None where the files have none."""
        line = self._options.get(keyword)
        return None if line is None else reader(line)

    def target(self, label: str) -> Target:
        """Return the target, without its jump host."""
        settings = self._settings
        keepalive = self.value("serveraliveinterval", read.seconds)
        return Target(
            label=label,
            hostname=self._reached.host,
            port=self.port,
            user=self._reached.user,
            keys=self._keys(),
            trust=self._trust(),
            sudo=settings.sudo,
            timeout=settings.connect_timeout or self.value("connecttimeout", read.seconds) or CONNECT_TIMEOUT,
            attempts=settings.connect_attempts or self._attempts(),
            command=self._way("proxycommand", read.command),
            family=self.value("addressfamily", read.family) or socket.AF_UNSPEC,
            bind=self.value("bindaddress", read.text),
            keepalive=keepalive,
            algorithms=Algorithms(
                ciphers=self.value("ciphers", read.text),
                macs=self.value("macs", read.text),
                key_exchanges=self.value("kexalgorithms", read.text),
                host_keys=self.value("hostkeyalgorithms", read.text),
            ),
        )

    def _attempts(self) -> int:
        line = self._options.get("connectionattempts")
        if line is None:
            return CONNECT_ATTEMPTS
        if read.number(line) == 0:  # which ssh refuses, too, but only for the hosts that it holds for
            raise line.place.error("connectionattempts is 0: no connection would be tried")
        return read.number(line)

    def chain(self) -> str | None:
        """Return the jump hosts of ssh_config."""
        return self._way("proxyjump", read.jump)

    def _way(self, keyword: str, reader: Callable[[Directive], str | None]) -> str | None:
        line = self._options.get(keyword)
        text = None if line is None else reader(line)
        if line is None or text is None:
            return None
        return expand(text, {letter: self._tokens[letter] for letter in "hknpr"}, line.place)

    def hop(self, label: str, lent: _Lent) -> Target:
        """Return the target as a jump host: what ssh_config says of it goes before what the host behind it lends."""
        target = self.target(label)
        keys, trust = target.keys, target.trust
        if lent.key and self._options.all("identityfile"):
            keys = replace(keys, files=(*keys.files, expanded(lent.key)))
        elif lent.key:
            keys = replace(keys, required=expanded(lent.key), files=())
        if lent.known_hosts:
            own = trust.user_files if self._options.get("userknownhostsfile") else ()
            trust = replace(trust, user_files=(*own, expanded(lent.known_hosts)), global_files=())
        return replace(target, keys=keys, trust=trust)

    def _jump(self) -> str:
        chain = self._settings.jump or self.value("proxyjump", read.jump)
        if chain is None or chain.lower() == "none":
            return ""
        try:
            return read_jumps(chain)[-1].host
        except ValueError:
            return ""  # refused where the jump host is looked for

    def _user(self) -> str:
        line = self._options.get("user")
        return self._criteria.operator.user if line is None else self._filled(line.first, line)

    @property
    def _tokens(self) -> Tokens:
        return self._criteria.tokens_of(self._reached)

    def _filled(self, text: str, line: Directive) -> str:
        return expand(text, self._tokens, line.place, environment=self._criteria.environment)

    def _file(self, text: str, line: Directive) -> Path:
        return expanded(self._filled(str(expanded(text)), line))

    def _keys(self) -> Keys:
        settings, options = self._settings, self._options
        named = options.all("identityfile")
        files = tuple(self._file(line.first, line) for line in named if line.first.lower() != "none")
        if not named:
            files = tuple(expanded(f"~/.ssh/{name}") for name in DEFAULT_KEYS)
        certificates = (line for line in options.all("certificatefile") if line.first.lower() != "none")
        return Keys(
            required=expanded(settings.key) if settings.key else None,
            files=() if settings.key else tuple(dict.fromkeys(files)),
            certificates=tuple(self._file(line.first, line) for line in certificates),
            agent=self._agent() if settings.agent else None,
            only=self.value("identitiesonly", read.flag) or False,
            allowed=self.value("pubkeyauthentication", read.public_keys) is not False,
        )

    def _agent(self) -> str | None:
        environment = self._criteria.environment
        line = self._options.get("identityagent")
        if line is None or line.first == "SSH_AUTH_SOCK":
            return environment.get("SSH_AUTH_SOCK")
        if line.first == "none":  # in lower case alone: NONE is a path
            return None
        if line.first.startswith("$") and not line.first.startswith("${"):
            return environment.get(line.first[1:])
        return str(self._file(line.first, line))

    def _trust(self) -> Trust:
        settings = self._settings
        given = (expanded(settings.known_hosts),) if settings.known_hosts else None
        if given is None:
            self._refuse_known_hosts_command()
        policy = settings.host_keys or self.value("stricthostkeychecking", read.strictness) or HostKeyPolicy.STRICT
        hostname = self._reached.host
        return Trust(
            name=self.alias.lower() if self.alias else known_name(hostname, self.port),
            bare=hostname.lower() if self.port != 22 and not self.alias else None,  # noqa: PLR2004 - SSH's port
            user_files=given or self._user_files(),
            global_files=() if given else self._global_files(),
            policy=policy,
            hashed=self.value("hashknownhosts", read.flag) or False,
            revoked=self._revoked(),
        )

    def _revoked(self) -> Path | None:
        line = self._options.get("revokedhostkeys")
        name = None if line is None else read.file(line)
        return self._file(name, line) if name and line else None

    def _refuse_known_hosts_command(self) -> None:
        line = self._options.get("knownhostscommand")
        if line is not None and read.command(line) is not None:
            raise UsageError(
                f"{line.place}: KnownHostsCommand is not supported, and without it a wrong host key could be accepted",
                hint="name a file with the hosts' keys as ssh.known_hosts in the inventory, or write"
                " 'KnownHostsCommand none' before that line for these hosts",
            )

    def _user_files(self) -> tuple[Path, ...]:
        line = self._options.get("userknownhostsfile")
        if line is None:
            return tuple(expanded(name) for name in USER_KNOWN_HOSTS)
        return tuple(self._file(name, line) for name in read.files(line))

    def _global_files(self) -> tuple[Path, ...]:
        # ssh does not expand these.
        named = self.value("globalknownhostsfile", read.files)
        return tuple(Path(name) for name in (GLOBAL_KNOWN_HOSTS if named is None else named))


def _refuse_circle(jump: str, seen: tuple[str, ...]) -> None:
    if jump in seen:
        raise UsageError(f"jump hosts form a loop: {' -> '.join((*seen, jump))}")


def _operator(environment: Mapping[str, str]) -> Operator:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in containers
        user = str(os.getuid())
    home = environment.get("HOME") or str(Path.home())
    return Operator(user, os.getuid(), home, socket.gethostname(), environment.get("SHELL") or "/bin/sh")
