"""``CanonicalizeHostname`` of ssh_config: the full name of a host, found among the domains that the files list.

The rules are those of ``resolve_canonicalize`` and ``check_follow_cname`` (OpenSSH's ssh.c).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from swarmnet.edge.ssh import options as read
from swarmnet.edge.ssh.patterns import matches_list
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from swarmnet.edge.ssh.words import Directive

Resolve = Callable[[str, socket.AddressFamily], str | None]
"""Look a name up: return its canonical name (empty when the resolver has none), or None when it has no address."""

MOST_DOTS = 1
"""ssh's default for ``CanonicalizeMaxDots``."""


def resolve_name(name: str, family: socket.AddressFamily) -> str | None:
    """Ask the system's resolver."""
    try:
        found = socket.getaddrinfo(name, None, family, socket.SOCK_STREAM, 0, socket.AI_CANONNAME)
    except (OSError, UnicodeError):
        return None
    return found[0][3].removesuffix(".") if found else None


class Canonical:
    """How the options found so far turn a name into its full one."""

    def __init__(self, found: Mapping[str, Sequence[Directive]], resolve: Resolve, *, proxied: bool) -> None:
        """Read the options.

        Args:
            found: the lines that hold, by keyword.
            resolve: looks a name up.
            proxied: True when the inventory sends the connection through a jump host.
        """
        self._found = found
        self._resolve = resolve
        mode = self._line("canonicalizehostname")
        self._mode = read.Canonicalize.NO if mode is None else read.canonicalize(mode)
        self._direct = not proxied and not self._is_proxied()

    @property
    def wanted(self) -> bool:
        """Whether the files are read once more for the full name."""
        return self._mode is not read.Canonicalize.NO

    def name(self, host: str) -> str:
        """Return the full name of a host; the name itself where no domain has it.

        Raises:
            UsageError: no domain has it, and ``CanonicalizeFallbackLocal`` is ``no``.
        """
        may = self.wanted and (self._direct or self._mode is read.Canonicalize.ALWAYS)
        if not may or _is_address(host):
            return host
        full, canonical = self._in_domains(host)
        if full is None:
            full, canonical = host, (self._look_up(host) if self._cname_rules() else None) or ""
        return self._followed(full, canonical)

    def _in_domains(self, host: str) -> tuple[str | None, str]:
        dots = self._line("canonicalizemaxdots")
        if host.endswith("."):
            tries = [host]
        elif host.count(".") > (MOST_DOTS if dots is None else read.number(dots)):
            return None, ""
        else:
            line = self._line("canonicaldomains")
            tries = [f"{host}.{domain}." for domain in (read.domains(line) if line else ())]
        for full in tries:
            canonical = self._look_up(full)
            if canonical is not None:
                return full.removesuffix("."), canonical
        fallback = self._line("canonicalizefallbacklocal")
        if fallback is not None and not read.flag(fallback):
            raise UsageError(
                f"{fallback.place}: {host} is in none of the CanonicalDomains, and CanonicalizeFallbackLocal is no",
                hint="correct the name in the inventory, or the domains in that file",
            )
        return None, ""

    def _followed(self, name: str, canonical: str) -> str:
        for sources, targets in self._cname_rules():
            if canonical and matches_list(name, sources) and matches_list(canonical, targets):
                return canonical
        return name

    def _cname_rules(self) -> tuple[tuple[str, str], ...]:
        line = self._line("canonicalizepermittedcnames")
        return () if line is None else read.cname_rules(line)

    def _look_up(self, name: str) -> str | None:
        line = self._line("addressfamily")
        return self._resolve(name, socket.AF_UNSPEC if line is None else read.family(line))

    def _is_proxied(self) -> bool:
        command = self._line("proxycommand")
        # To ssh, "ProxyJump none" is a jump host here.
        return self._line("proxyjump") is not None or bool(command and read.command(command))

    def _line(self, keyword: str) -> Directive | None:
        lines = self._found.get(keyword)
        return lines[0] if lines else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
