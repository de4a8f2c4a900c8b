"""The options of ssh_config: which ones swarmnet honours, which do not concern it, which it names as not honoured.

The list is that of OpenSSH's readconf.c; what each value may be is in ssh_config(5).
"""

from __future__ import annotations

import re
import socket
from enum import StrEnum
from typing import TYPE_CHECKING

from swarmnet.model.hosts import HostKeyPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.edge.ssh.words import Directive

_SPAN = re.compile(r"(?:[0-9]{1,9}[smhdw]?)+", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?)0*([0-9]{1,18})")
"""What C's strtonum takes, without leading zeros."""
_HIGHEST_PORT = 65535
_HIGHEST_NUMBER = 2**31 - 1


class Canonicalize(StrEnum):
    """Whether names are made full ones: never, unless a jump host or a command resolves them, or always."""

    NO = "no"
    YES = "yes"
    ALWAYS = "always"


def text(line: Directive) -> str:
    """Return the word unchanged."""
    return line.first


def command(line: Directive) -> str | None:
    """Return what is handed to a shell or to the reader of jump hosts; None for ``none``."""
    return None if line.rest.strip().lower() == "none" else line.rest


def jump(line: Directive) -> str | None:
    """Return a chain of jump hosts with ports as numbers, without a comment behind it; None for ``none``."""
    chain = line.rest.partition("#")[0].strip()
    return None if chain.lower() == "none" else ",".join(_jump(spot, line) for spot in chain.split(","))


def _jump(spot: str, line: Directive) -> str:
    """Return one jump host as ``[user@]host[:port]`` (``parse_user_host_port``, ``parse_ssh_uri``)."""
    user, at, place = (spot.removeprefix("ssh://").removesuffix("/") if spot.startswith("ssh://") else spot).rpartition(
        "@"
    )
    if place.startswith("["):
        host, closed, behind = place[1:].partition("]")
        wrong = not closed or (behind and not behind.startswith(":"))
        port_word = behind[1:]
    else:
        host, _, port_word = place.partition(":")
        wrong = "/" in host
    number = _port(port_word) if port_word else None
    if wrong or not host or (at and not user) or (port_word and number is None):
        raise line.place.error(f"{spot!r} is not a jump host: write [user@]host[:port]")
    bracketed = f"[{host}]" if ":" in host else host
    return f"{user}{at}{bracketed}" + (f":{number}" if number else "")


def flag(line: Directive) -> bool:
    """Return yes or no."""
    word = line.first.lower()
    if word not in ("yes", "no", "true", "false"):
        raise line.place.error(f"{line.keyword} is yes or no, not {line.first!r}")
    return word in ("yes", "true")


def number(line: Directive) -> int:
    """Return a whole number from 0."""
    value = _number(line.first)
    if value is None or not 0 <= value <= _HIGHEST_NUMBER:
        raise line.place.error(f"{line.keyword} is a number, not {line.first!r}")
    return value


def port(line: Directive) -> int:
    """Return a port, by number or by the name of a service."""
    value = _port(line.first)
    if value is None:
        raise line.place.error(f"{line.first!r} is not a port")
    return value


def _number(word: str) -> int | None:
    found = _NUMBER.fullmatch(word)
    return int(found[1] + found[2]) if found else None


def _port(word: str) -> int | None:
    value = _number(word)
    if value is None or not 0 <= value <= _HIGHEST_PORT:
        try:
            value = socket.getservbyname(word, "tcp")
        except (OSError, UnicodeError):
            return None
    return value or None


def seconds(line: Directive) -> int | None:
    """Return a span of time (``90``, ``1m30s``) in seconds; None for ``none``."""
    word = line.first
    if word == "none":
        return None
    if not _SPAN.fullmatch(word):
        raise line.place.error(f"{word!r} is not a time: write 90 or 1m30s")
    return sum(int(count) * _SECONDS[unit.lower()] for count, unit in re.findall(r"([0-9]+)([smhdwSMHDW]?)", word))


def family(line: Directive) -> socket.AddressFamily:
    """Return which kind of addresses to connect to."""
    families = {"any": socket.AF_UNSPEC, "inet": socket.AF_INET, "inet6": socket.AF_INET6}
    if line.first.lower() not in families:
        raise line.place.error(f"addressfamily is any, inet or inet6, not {line.first!r}")
    return families[line.first.lower()]


def strictness(line: Directive) -> HostKeyPolicy:
    """Return what to do with unknown host keys; ``no`` accepts new ones, a changed key stays refused."""
    policies = {
        **dict.fromkeys(("yes", "true"), HostKeyPolicy.STRICT),
        "ask": HostKeyPolicy.ASK,
        **dict.fromkeys(("accept-new", "no", "false", "off"), HostKeyPolicy.ACCEPT_NEW),
    }
    if line.first.lower() not in policies:
        raise line.place.error(f"stricthostkeychecking is yes, ask, accept-new or no, not {line.first!r}")
    return policies[line.first.lower()]


def files(line: Directive) -> tuple[str, ...]:
    """Return several files; none for ``none``."""
    if not all(line.words):
        raise line.place.error(f"{line.keyword} has an empty argument")
    if any(word.lower() == "none" for word in line.words):
        if len(line.words) > 1:
            raise line.place.error(f"{line.keyword}: none stands alone")
        return ()
    return line.words


def file(line: Directive) -> str | None:
    """Return one file; None for ``none``."""
    return None if line.first.lower() == "none" else line.first


def agent(line: Directive) -> str:
    """Return where the agent is: a path, ``none``, or the name of a variable that holds the path (``$NAME``)."""
    word = line.first
    if word.startswith("$") and not word.startswith("${") and not re.fullmatch(r"[A-Za-z0-9_]+", word[1:]):
        raise line.place.error(f"{word[1:]!r} is not the name of a variable: write ${{NAME}} inside of paths")
    return word


def canonicalize(line: Directive) -> Canonicalize:
    """Return whether names are made full ones."""
    word = {"true": "yes", "false": "no"}.get(line.first.lower(), line.first.lower())
    if word not in set(Canonicalize):
        raise line.place.error(f"canonicalizehostname is yes, no or always, not {line.first!r}")
    return Canonicalize(word)


def domains(line: Directive) -> tuple[str, ...]:
    """Return domains, in lower case and without the dot at their end; none for ``none``."""
    found = files(line)
    for domain in found:
        if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.))*", domain):
            raise line.place.error(f"{domain!r} is not a domain")
    return tuple(domain.lower().removesuffix(".") for domain in found)


def cname_rules(line: Directive) -> tuple[tuple[str, str], ...]:
    """Return pairs of pattern lists: names whose alias may be followed, and aliases to follow; none for ``none``."""
    rules = []
    for word in files(line):
        sources, colon, targets = word.lower().partition(":")
        if not colon or not sources or not targets:
            raise line.place.error(f"{word!r} is not a pair of lists: write names:aliases")
        rules.append((sources, targets))
    return tuple(rules)


def public_keys(line: Directive) -> bool:
    """Return whether keys may be used to log in."""
    word = line.first.lower()
    if word not in ("yes", "true", "no", "false", "unbound", "host-bound"):
        raise line.place.error(f"pubkeyauthentication is yes, no, unbound or host-bound, not {line.first!r}")
    return word not in ("no", "false")


HONOURED: dict[str, Callable[[Directive], object]] = {
    "addressfamily": family,
    "bindaddress": text,
    "canonicaldomains": domains,
    "canonicalizefallbacklocal": flag,
    "canonicalizehostname": canonicalize,
    "canonicalizemaxdots": number,
    "canonicalizepermittedcnames": cname_rules,
    "certificatefile": text,
    "ciphers": text,
    "connectionattempts": number,
    "connecttimeout": seconds,
    "globalknownhostsfile": files,
    "hashknownhosts": flag,
    "hostkeyalgorithms": text,
    "hostkeyalias": text,
    "hostname": text,
    "identitiesonly": flag,
    "identityagent": agent,
    "identityfile": text,
    "kexalgorithms": text,
    "knownhostscommand": command,
    "macs": text,
    "port": port,
    "proxycommand": command,
    "proxyjump": jump,
    "pubkeyauthentication": public_keys,
    "revokedhostkeys": file,
    "serveraliveinterval": seconds,
    "stricthostkeychecking": strictness,
    "tag": text,
    "user": text,
    "userknownhostsfile": files,
}
"""What reads the value of each honoured option; raises ``UsageError`` for one that ssh refuses."""

TIMES = frozenset({"connecttimeout", "serveraliveinterval"})
"""Options whose ``none`` is as if they were not there."""

STACKED = frozenset({"identityfile", "certificatefile", "ignoreunknown", "sendenv", "setenv"})
"""Options that add up instead of the first one winning."""

LISTS = frozenset(
    {
        "canonicaldomains",
        "canonicalizepermittedcnames",
        "globalknownhostsfile",
        "knownhostscommand",
        "proxycommand",
        "proxyjump",
        "userknownhostsfile",
    }
)
"""Options that take more than one word."""

HARMLESS = frozenset(
    {
        "addkeystoagent",
        "batchmode",
        "challengeresponseauthentication",
        "checkhostip",
        "clearallforwardings",
        "compression",
        "controlmaster",
        "controlpath",
        "controlpersist",
        "dynamicforward",
        "enableescapecommandline",
        "enablesshkeysign",
        "escapechar",
        "exitonforwardfailure",
        "fingerprinthash",
        "forkafterauthentication",
        "forwardagent",
        "forwardx11",
        "forwardx11timeout",
        "forwardx11trusted",
        "gatewayports",
        "gssapiauthentication",
        "gssapidelegatecredentials",
        "hostbasedacceptedalgorithms",
        "hostbasedauthentication",
        "hostbasedkeytypes",
        "ignoreunknown",
        "ipqos",
        "kbdinteractiveauthentication",
        "kbdinteractivedevices",
        "keepalive",
        "localcommand",
        "localforward",
        "logfacility",
        "loglevel",
        "logverbose",
        "numberofpasswordprompts",
        "obscurekeystroketiming",
        "passwordauthentication",
        "permitlocalcommand",
        "permitremoteopen",
        "preferredauthentications",
        "protocol",
        "rekeylimit",
        "remotecommand",
        "remoteforward",
        "requesttty",
        "sendenv",
        "serveralivecountmax",
        "sessiontype",
        "setenv",
        "skeyauthentication",
        "stdinnull",
        "streamlocalbindmask",
        "streamlocalbindunlink",
        "syslogfacility",
        "tcpkeepalive",
        "tisauthentication",
        "tunnel",
        "tunneldevice",
        "updatehostkeys",
        "usekeychain",
        "visualhostkey",
        "warnweakcrypto",
        "xauthlocation",
    }
)
"""Options that change neither where swarmnet connects, nor whom it trusts, nor how it logs in."""

NOT_HONOURED: dict[str, tuple[str, ...]] = {
    "bindinterface": (),
    "casignaturealgorithms": (),
    "channeltimeout": ("none",),
    "nohostauthenticationforlocalhost": ("no",),
    "pkcs11provider": ("none",),
    "proxyusefdpass": ("no",),
    "pubkeyacceptedalgorithms": (),
    "pubkeyacceptedkeytypes": (),
    "refuseconnection": (),
    "requiredrsasize": (),
    "securitykeyprovider": ("none", "internal"),
    "smartcarddevice": (),
    "verifyhostkeydns": ("no",),
    "versionaddendum": ("none",),
}
"""Options that are named in a warning, unless their value is one of these."""
