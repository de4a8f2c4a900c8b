"""Images of one engine: looked at, pulled with a login, loaded from an archive as it is read, named, removed."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import TYPE_CHECKING

from swarmnet.edge.engine.calls import EngineCalls, Request, quoted
from swarmnet.edge.engine.wire.parts import as_list, as_object, as_text
from swarmnet.errors import EngineError, NotFoundError
from swarmnet.model.base import Secret
from swarmnet.model.host_image import Image
from swarmnet.model.image import name_and_tag, registry_of
from swarmnet.model.placement_codecs import Platform

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.image_port import RegistryLogin, Tell, Upload

EVERY = 3.0
"""Seconds between two lines of progress."""
_LOAD_TIMEOUT = 600.0
"""Seconds for an image of some megabytes to go up a slow line."""
_DONE = frozenset({"Pull complete", "Already exists"})
"""What engines say of a layer that they have; shown only."""
_HUB = "https://index.docker.io/v1/"
# The words of registries and engines 20.10 to 28.5; a stream of progress brings no status.
_REFUSED = re.compile(
    r"unauthorized|authentication required|no basic auth|\bdenied\b|incorrect username", re.IGNORECASE
)
_SILENT = re.compile(
    r"connection refused|no such host|no route to host|i/o timeout|network is unreachable|Client\.Timeout"
    r"|server misbehaving|deadline exceeded",
    re.IGNORECASE,
)
_UNTRUSTED = re.compile(r"x509|certificate|server gave HTTP response to HTTPS client", re.IGNORECASE)


class EngineImages(EngineCalls):
    """The images that one host has."""

    def image(self, reference: str) -> Image | None:
        """Return an image by its name or id; None where the host has none."""
        what = f"look for image {reference}"
        try:
            seen = as_object(self.send(Request(what, "GET", f"/images/{_path(reference)}/json")))
        except NotFoundError:
            return None
        with self.asking(what):
            return Image(
                reference=reference,
                id=as_text(seen.get("Id")),
                platform=Platform(os=as_text(seen.get("Os")), architecture=as_text(seen.get("Architecture"))),
                layers=tuple(as_text(one) for one in as_list(as_object(seen.get("RootFS")).get("Layers"))),
                created=as_text(seen.get("Created")),
            )

    def has_image(self, reference: str) -> bool:
        """Return whether the image is on this host."""
        return self.image(reference) is not None

    def load_image(self, archive: bytes | Upload, *, timeout: float = _LOAD_TIMEOUT, tell: Tell | None = None) -> None:
        """Load an image archive (``docker save`` format); an upload is read as it is sent."""
        sent = archive if isinstance(archive, bytes) or tell is None else _Counted(archive, _Sparing(tell))
        params: dict[str, str | int | bool] = {"quiet": "true"}
        request = Request("load an image", "POST", "/images/load", params=params, data=sent, timeout=timeout)
        for _ in self._progress(request):
            continue

    def pull_image(
        self, reference: str, *, login: RegistryLogin | None = None, timeout: float = 600.0, tell: Tell | None = None
    ) -> None:
        """Fetch an image from its registry within ``timeout`` seconds; the error of a refusal says what to do."""
        name, tag = name_and_tag(reference)
        request = Request(
            f"pull image {reference}",
            "POST",
            "/images/create",
            params={"fromImage": name, "tag": tag},
            timeout=timeout,
            login=_header(reference, login),
        )
        layers: dict[str, bool] = {}
        spare = None if tell is None else _Sparing(tell)
        try:
            for event in self._progress(request):
                layer, status = as_text(event.get("id")), as_text(event.get("status"))
                if layer and isinstance(event.get("progressDetail"), dict):
                    layers[layer] = layers.get(layer, False) or status in _DONE
                if spare is not None and layers:
                    spare(f"{sum(layers.values())} of {len(layers)} layers are there")
        except EngineError as error:
            raise _advised(error, reference, login) from error

    def image_platforms(self, reference: str, *, login: RegistryLogin | None = None) -> tuple[Platform, ...]:
        """Return what the image in its registry runs on; raises ``EngineError`` where the registry does not say."""
        what = f"ask the registry about image {reference}"
        request = Request(what, "GET", f"/distribution/{_path(reference)}/json", login=_header(reference, login))
        seen = as_object(self.send(request))
        with self.asking(what):
            return tuple(_platform(one) for one in as_list(seen.get("Platforms")))

    def tag_image(self, image_id: str, reference: str) -> None:
        """Give an image one more name; another image loses it."""
        name, tag = name_and_tag(reference)
        params: dict[str, str | int | bool] = {"repo": name, "tag": tag}
        self.send(Request(f"name an image {reference}", "POST", f"/images/{quoted(image_id)}/tag", params=params))

    def remove_image(self, reference: str) -> None:
        """Remove an image; one that does not exist is not an error."""
        try:
            self.send(Request(f"remove image {reference}", "DELETE", f"/images/{_path(reference)}"))
        except NotFoundError:
            return


class _Sparing:
    """Passes a line on at most once in ``EVERY`` seconds; nothing of what ends before."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._last = tell, time.monotonic()

    def __call__(self, text: str) -> None:
        if time.monotonic() - self._last >= EVERY:
            self._last = time.monotonic()
            self._tell(text)


class _Counted:
    """An upload that tells how far it is."""

    def __init__(self, upload: Upload, tell: Tell) -> None:
        self._upload, self._tell = upload, tell
        self._sent = 0

    def __len__(self) -> int:
        return len(self._upload)

    def read(self, size: int = -1) -> bytes:
        data = self._upload.read(size)
        self._sent += len(data)
        self._tell(f"{_mebibytes(self._sent)} of {_mebibytes(len(self))} MiB sent")
        return data


def _mebibytes(count: int) -> str:
    return f"{count / (1 << 20):.1f}"


def _platform(entry: JsonValue) -> Platform:
    shown = as_object(entry)
    return Platform(os=as_text(shown.get("os")), architecture=as_text(shown.get("architecture")))


def _header(reference: str, login: RegistryLogin | None) -> Secret | None:
    """Return a login as engines take it: JSON in base64 for URLs."""
    if login is None:
        return None
    registry = registry_of(reference)
    auth: JsonObject = {
        "username": login.username,
        "password": login.password.reveal().decode(errors="replace"),
        "serveraddress": _HUB if registry == "docker.io" else registry,
    }
    return Secret(base64.urlsafe_b64encode(json.dumps(auth).encode()))


def _advised(error: EngineError, reference: str, login: RegistryLogin | None) -> EngineError:
    """Return the error with what to do about it."""
    host, registry = error.host, registry_of(reference)
    kind = NotFoundError if isinstance(error, NotFoundError) else EngineError
    if _REFUSED.search(error.said):
        who = "without a login" if login is None else f"user {login.username}"
        hint = "check username and password of 'login' in the image's step, and what that user may read"
        if login is None:
            hint = "write 'login: {username: NAME, password: {env: VARIABLE}}' into the image's step"
        return kind(host, f"registry {registry} refuses {who}: {error.message}", status=error.status, hint=hint)
    if _UNTRUSTED.search(error.said):
        hint = f"put the CA of its certificate into /etc/docker/certs.d/{registry}/ca.crt on {host}"
        return kind(host, f"registry {registry} is not trusted: {error.message}", status=error.status, hint=hint)
    if _SILENT.search(error.said):
        hint = f"can {host} reach it? With 'archive: FILE' in the image's step no registry is asked"
        return kind(host, f"registry {registry} does not answer: {error.message}", status=error.status, hint=hint)
    return error


def _path(reference: str) -> str:
    """Return a reference as it is written in a path: its slashes are part of the API's own routes."""
    return "/".join(quoted(part) for part in reference.split("/"))
