"""What an action does, read from the action itself: everything it sends is shown, and is part of the plan's digest."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from swarmnet.model.base import Secret
from swarmnet.model.compare import port_text
from swarmnet.model.plain_codecs import HostPort
from swarmnet.model.plan import Action, Change, Sign
from swarmnet.model.redaction import Cover, content
from swarmnet.model.sensitive import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.service import PublishedPort

_ABOUT = frozenset(Action.model_fields)
"""Fields that describe an action; all others are what it does."""


def shown(action: Action) -> tuple[Change, ...]:
    """Return what an action changes, and all else that it sends.

    An update shows how the resource differs, and what belongs to the action alone, such as its time limit; everything
    else shows the whole resource, field by field, save those that have their default and what the target names.
    """
    differs = action.changes if action.sign is Sign.UPDATE else ()
    plain = action.model_dump(mode="json", exclude_defaults=True, exclude={*_ABOUT, *action.named})
    found = [*differs]
    for name in _fields(action):
        value = getattr(action, name)
        if isinstance(value, Secret):
            found.append(Change(path=name, after=HIDDEN))
        elif isinstance(value, BaseModel):
            found += () if differs else _resource(value, plain.get(name, {}))
        elif name in plain:
            found.append(Change(path=name, after=plain[name]))
    return tuple(found)


def _resource(spec: BaseModel, plain: dict[str, Any]) -> Iterator[Change]:
    for name, value in plain.items():
        if name == "name":
            continue
        if name == "ports":
            yield Change(path=name, after=[_port(port) for port in getattr(spec, name)])
        elif name == "data":
            yield Change(path=name, after=content(getattr(spec, name)))
        elif name == "extra" or (isinstance(value, dict) and isinstance(getattr(spec, name), dict)):
            yield from _leaves(name, value, deep=name == "extra")
        elif isinstance(value, list):
            yield Change(path=name, after=[_brief(one) for one in value])
        else:
            yield Change(path=name, after=value)


def _port(port: PublishedPort | HostPort) -> str:
    return port.text if isinstance(port, HostPort) else port_text(port)


def _brief(one: JsonValue) -> JsonValue:
    """Return a part with a single value, such as an attachment with only a network, as that value."""
    return next(iter(one.values())) if isinstance(one, dict) and len(one) == 1 else one


def _leaves(path: str, value: JsonValue, *, deep: bool) -> Iterator[Change]:
    if not isinstance(value, dict) or not value:
        yield Change(path=path, after=value)
        return
    for key, inner in value.items():
        # Two different values of the engine's own JSON must not look the same because of a dot in a key.
        word = json.dumps(key) if deep and ("." in key or not key) else key
        if deep:
            yield from _leaves(f"{path}.{word}", inner, deep=True)
        else:
            yield Change(path=f"{path}.{word}", after=inner)


def sent(action: Action, cover: Cover) -> JsonObject:
    """Return everything that an action sends as JSON; the data of secrets is hidden, the rest as ``cover`` says."""
    plain = _content(action)
    for name in plain:
        value = getattr(action, name)
        if isinstance(value, Secret):
            plain[name] = HIDDEN
        elif isinstance(value, BaseModel):
            # People put passwords into configs.
            data = {key: content(inner) for key, inner in value if isinstance(inner, bytes)}
            plain[name] = cover.value(type(action), name, plain[name] | data)
        else:
            plain[name] = cover.value(type(action), name, plain[name])
    return plain


def action_digest(action: Action, salt: bytes) -> str:
    """Return a digest of an action over every value that it sends, to compare it with the action that was shown.

    It also covers values that are not shown, so it is salted and slow (scrypt, some 10 ms): a weak password cannot be
    found by trying many.
    """
    text = json.dumps([action.model_dump(mode="json", include=set(_ABOUT)), _content(action)], sort_keys=True).encode()
    return hashlib.scrypt(text, salt=salt, n=2**11, r=8, p=1, dklen=32).hex()


def _fields(action: Action) -> Iterator[str]:
    return (name for name in type(action).model_fields if name not in _ABOUT)


def _is_secret(action: Action, name: str) -> bool:
    return isinstance(getattr(action, name), Secret)


def _content(action: Action) -> dict[str, Any]:
    """Return all that an action does, in clear, the data of secrets in hexadecimal."""
    plain = action.model_dump(mode="json", exclude=set(_ABOUT))
    secrets = {name: getattr(action, name).reveal().hex() for name in _fields(action) if _is_secret(action, name)}
    return {**plain, **secrets}
