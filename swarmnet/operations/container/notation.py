"""The friendly ways to write a container's place on a network."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

_MAC = re.compile(r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}")
_ALIAS = re.compile(r"[^\s/]{1,255}")


def _address(value: str, version: int) -> str:
    try:
        found = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address") from None
    if found.version != version:
        raise ValueError(f"{value} is an IPv{found.version} address: write it as ipv{found.version}")
    return found.compressed


def _ipv4(value: str) -> str:
    return _address(value, 4)


def _ipv6(value: str) -> str:
    return _address(value, 6)


def _mac(value: str) -> str:
    text = value.strip().lower()
    if _MAC.fullmatch(text) is None:
        raise ValueError(f"{value!r} is not a MAC address: write it in quotes, such as '02:42:0a:01:00:09'")
    if int(text[:2], 16) & 1:
        raise ValueError(f"{value} is an address of a group: the first byte of a container's own is even")
    return text.replace("-", ":")


def _alias(value: str) -> str:
    if _ALIAS.fullmatch(value) is None:
        raise ValueError(f"{value!r} is not a name for DNS")
    return value


Ipv4 = Annotated[str, AfterValidator(_ipv4), WithJsonSchema({"type": "string", "format": "ipv4"})]
Ipv6 = Annotated[str, AfterValidator(_ipv6), WithJsonSchema({"type": "string", "format": "ipv6"})]
Mac = Annotated[str, AfterValidator(_mac)]
Alias = Annotated[str, AfterValidator(_alias)]
