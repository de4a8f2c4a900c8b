"""The one way to find an object among those that an engine, a state or an inventory lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Called(Protocol):
    @property
    def name(self) -> str: ...


class _Specified(Protocol):
    @property
    def spec(self) -> _Called: ...


class _Numbered(Protocol):
    @property
    def id(self) -> str: ...


class _OfHost(Protocol):
    @property
    def host(self) -> str: ...


C = TypeVar("C", bound=_Called)
S = TypeVar("S", bound=_Specified)
N = TypeVar("N", bound=_Numbered)
H = TypeVar("H", bound=_OfHost)


def by_name(objects: Iterable[S], name: str) -> S | None:
    """Return the first object whose spec has the name."""
    return next((one for one in objects if one.spec.name == name), None)


def by_id(objects: Iterable[N], wanted: str | None) -> N | None:
    """Return the object with the id."""
    return next((one for one in objects if one.id == wanted), None)


def of_host(objects: Iterable[H], host: str) -> H | None:
    """Return what belongs to the host; the first of several."""
    return next((one for one in objects if one.host == host), None)


def called(objects: Iterable[C], name: str) -> C | None:
    """Return what has the name itself, such as a host of an inventory."""
    return next((one for one in objects if one.name == name), None)
