"""The short syntaxes of stack files: ports, mounts, hosts, and how they become the long ones."""

from __future__ import annotations

import itertools
import re

_PORT = re.compile(
    r"(?:(?P<address>\[[^\]]*\]|[^:\[\]]*):(?=[^/]*:))?(?:(?P<published>[0-9]*(?:-[0-9]+)?):)?"
    r"(?P<target>[0-9]+(?:-[0-9]+)?)(?:/(?P<protocol>tcp|udp|sctp))?"
)
_PATH = r"(?:[A-Za-z]:[\\/][^:]*|\\\\[^:]*|[^:]+)"
_VOLUME = re.compile(rf"(?:(?P<source>{_PATH}):)?(?P<target>{_PATH})(?::(?P<options>[A-Za-z,-]+))?")
_PROPAGATIONS = frozenset({"private", "rprivate", "shared", "rshared", "slave", "rslave"})
_CONSISTENCIES = frozenset({"consistent", "cached", "delegated"})


def split_volume(text: str) -> tuple[str | None, str, tuple[str, ...]] | None:
    """Return the source, the path in the container and the options of ``[SOURCE:]PATH[:OPTIONS]``; None if it is none.

    What looks like options is one: ``/a:/b`` has a source, ``data:ro`` too.
    """
    match = _VOLUME.fullmatch(text)
    if match is None:
        return None
    options = tuple(match["options"].split(",")) if match["options"] else ()
    return match["source"], match["target"], options


def is_path(source: str) -> bool:
    """Return whether the source of a mount is a path on a host, and not the name of a volume."""
    return source.startswith((".", "/", "~", "\\\\")) or re.match(r"[A-Za-z]:[\\/]", source) is not None


def volume(value: object) -> object:
    """Return the long form of a mount."""
    if not isinstance(value, str):
        return value
    parts = split_volume(value)
    if parts is None:
        raise ValueError(f"{value!r} is not a mount: write volume:/path, /host/path:/path:ro or a mapping")
    source, target, options = parts
    bound = source is not None and is_path(source)
    pipe = source is not None and source.startswith("\\\\")
    found: dict[str, object] = {"type": "npipe" if pipe else "bind" if bound else "volume", "target": target}
    if source is not None:
        found["source"] = source
    for option in options:
        found = _with_option(found, option, value)
    return found


def _with_option(found: dict[str, object], option: str, value: str) -> dict[str, object]:
    if option in ("ro", "rw"):
        return found | {"read_only": option == "ro"}
    if option in _CONSISTENCIES:
        return found | {"consistency": option}
    if option in _PROPAGATIONS:
        return found | {"bind": {"propagation": option}}
    if option in ("nocopy", "volume-nocopy"):
        return found | {"volume": {"nocopy": True}}
    if option in ("z", "Z"):
        return found | {"bind": {"selinux": option}}
    raise ValueError(f"{option!r} in {value!r} is not an option of a mount: ro, rw, nocopy, or a propagation")


def ports(value: object) -> object:
    """Return the long forms of a list of ports; a range becomes one port each.

    Every port keeps its place in the list under ``index``, where a range takes one place.
    """
    if not isinstance(value, list):
        return value
    return tuple(one for index, item in enumerate(value) for one in _ports(item, index))


def _ports(value: object, index: int) -> list[object]:
    if isinstance(value, dict):
        return [{**value, "index": index}]
    match = _PORT.fullmatch(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if match is None:
        raise ValueError(f"{value!r} is not a port: write 8080:80, 53:53/udp, 8000-8010:8000-8010 or a mapping")
    if match["address"]:
        raise ValueError(
            f"{value!r} names an address, and a swarm publishes on all addresses of its nodes: leave the address out,"
            " or close the port to others with a firewall"
        )
    targets, published = _range(match["target"]), _range(match["published"] or "")
    if published and len(published) != len(targets):
        raise ValueError(f"{value!r}: both ranges must have as many ports; a swarm picks no port from a range")
    both = zip(targets, published or itertools.repeat(None, len(targets)), strict=True)
    protocol = match["protocol"] or "tcp"
    return [{"target": port, "published": out, "protocol": protocol, "index": index} for port, out in both]


def _range(text: str) -> list[int]:
    if not text:
        return []
    first, _dash, last = text.partition("-")
    numbers = range(int(first), int(last or first) + 1)
    if not numbers or numbers[-1] > 65535 or len(numbers) > 1000:  # noqa: PLR2004 - the highest port, and enough
        raise ValueError(f"{text!r} is not a range of ports")
    return list(numbers)


def hosts(value: object) -> object:
    """Return a mapping of host names to addresses for ``[NAME:ADDRESS, NAME=ADDRESS]``."""
    if not isinstance(value, list):
        return (
            {name: one[0] if isinstance(one, list) and len(one) == 1 else one for name, one in value.items()}
            if (isinstance(value, dict))
            else value
        )
    found: dict[str, str] = {}
    for one in value:
        name, sign, address = str(one).partition("=" if "=" in str(one) else ":")
        if not sign or not address:
            raise ValueError(f"{one!r} is not a host: write NAME:ADDRESS")
        if name in found:
            raise ValueError(f"host {name!r} is given twice: a task has one address for a name")
        found[name] = address.strip("[]")
    return found
