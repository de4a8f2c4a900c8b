"""The options of ssh_config: which ones swarmnet honours, which do not concern it, which it names as not honoured.

The list is that of OpenSSH's readconf.c; what each value may be is in ssh_config(5).
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from swarmnet.model.hosts import HostKeyPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.edge.ssh.words import Directive

_SPAN = re.compile(r"(?:[0-9]{1,9}[smhdw]?)+", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_HIGHEST_PORT = 65535


def text(line: Directive) -> str:
    """Return a word as it stands."""
    return line.first


def command(line: Directive) -> str | None:
    """Return what is handed to a shell or to the reader of jump hosts; None for ``none``."""
    return None if line.rest.strip().lower() == "none" else line.rest


def jump(line: Directive) -> str | None:
    """Return a chain of jump hosts, without a comment behind it."""
    chain = line.rest.partition("#")[0].strip()
    return None if chain.lower() == "none" else chain


def flag(line: Directive) -> bool:
    """Return yes or no."""
    word = line.first.lower()
    if word not in ("yes", "no", "true", "false"):
        raise line.place.error(f"{line.keyword} is yes or no, not {line.first!r}")
    return word in ("yes", "true")


def number(line: Directive) -> int:
    """Return a whole number."""
    if not re.fullmatch(r"[0-9]{1,9}", line.first):
        raise line.place.error(f"{line.keyword} is a number, not {line.first!r}")
    return int(line.first)


def port(line: Directive) -> int:
    """Return a port, by number or by the name of a service."""
    word = line.first
    if re.fullmatch(r"[0-9]{1,9}", word):
        value = int(word)
    else:
        try:
            value = socket.getservbyname(word, "tcp")
        except (OSError, UnicodeError):
            value = 0
    if not 0 < value <= _HIGHEST_PORT:
        raise line.place.error(f"{word!r} is not a port")
    return value


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


def public_keys(line: Directive) -> bool:
    """Return whether keys may be used to log in."""
    word = line.first.lower()
    if word not in ("yes", "true", "no", "false", "unbound", "host-bound"):
        raise line.place.error(f"pubkeyauthentication is yes, no, unbound or host-bound, not {line.first!r}")
    return word not in ("no", "false")


HONOURED: dict[str, Callable[[Directive], object]] = {
    "addressfamily": family,
    "bindaddress": text,
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
    "identityagent": text,
    "identityfile": text,
    "kexalgorithms": text,
    "macs": text,
    "port": port,
    "proxycommand": command,
    "proxyjump": jump,
    "pubkeyauthentication": public_keys,
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

LISTS = frozenset({"userknownhostsfile", "globalknownhostsfile", "proxycommand", "proxyjump"})
"""Options that take more than one word."""

HARMLESS = frozenset(
    {
        "addkeystoagent",
        "batchmode",
        "canonicaldomains",
        "canonicalizefallbacklocal",
        "canonicalizemaxdots",
        "canonicalizepermittedcnames",
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
    "canonicalizehostname": ("no", "none", "false"),
    "casignaturealgorithms": (),
    "channeltimeout": ("none",),
    "knownhostscommand": ("none",),
    "nohostauthenticationforlocalhost": ("no",),
    "pkcs11provider": ("none",),
    "proxyusefdpass": ("no",),
    "pubkeyacceptedalgorithms": (),
    "pubkeyacceptedkeytypes": (),
    "refuseconnection": (),
    "requiredrsasize": (),
    "revokedhostkeys": ("none",),
    "securitykeyprovider": ("none", "internal"),
    "smartcarddevice": (),
    "verifyhostkeydns": ("no",),
    "versionaddendum": ("none",),
}
"""Options that are named in a warning, unless their value is one of these."""
