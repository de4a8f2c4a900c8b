"""Containers and images of one engine."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, cast

from swarmnet.edge.engine_calls import EngineCalls, Request, quoted
from swarmnet.edge.multiplex import Frames
from swarmnet.edge.wire import as_object
from swarmnet.edge.wire_engine import (
    container_from_inspect,
    container_from_wire,
    container_to_wire,
    endpoint_to_wire,
    needs_inspect,
)
from swarmnet.errors import ConflictError, EngineError, HostTimeoutError, NotFoundError
from swarmnet.model.clock import wait_until
from swarmnet.model.ports import Completed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.base import JsonObject
    from swarmnet.model.ports import ContainerSpec
    from swarmnet.model.state import Container

LOG_BYTES = 64 * 1024
_LOG_LINES = 2000
_LOAD_TIMEOUT = 300.0
_EXIT_CODE_TIMEOUT = 5.0
_CHUNK = 64 * 1024


class EngineContainers(EngineCalls):
    """Run containers for a while, look at those of others."""

    def containers(self, *, label: str | None = None) -> tuple[Container, ...]:
        """Return all containers, or those with a label.

        Those that others put on networks of their own are inspected for what they asked: one request each.
        """
        filters = {} if label is None else {"label": [label]}
        with self._asking("list containers"):
            seen = cast("list[JsonObject]", self._client().containers(all=True, filters=filters))
        return tuple(found for entry in seen if (found := self._container(entry)) is not None)

    def _container(self, entry: JsonObject) -> Container | None:
        """Return one container, or None if it went away between list and inspect."""
        if not needs_inspect(entry):
            return container_from_wire(entry)
        request = Request("look at a container", "GET", f"/containers/{quoted(str(entry['Id']))}/json")
        try:
            return container_from_inspect(container_from_wire(entry), as_object(self._send(request)))
        except NotFoundError:
            return None

    def start_container(self, spec: ContainerSpec) -> str:
        """Create, connect and start a container; what cannot be started is removed again."""
        what = f"start container {spec.name}"
        request = Request(what, "POST", "/containers/create", container_to_wire(spec), {"name": spec.name})
        container_id = str(as_object(self._send(request))["Id"])
        try:
            for endpoint in spec.endpoints[1:]:
                body: JsonObject = {"Container": container_id, "EndpointConfig": endpoint_to_wire(endpoint)}
                self._send(Request(what, "POST", f"/networks/{quoted(endpoint.network)}/connect", body))
            self._send(Request(what, "POST", f"/containers/{container_id}/start"))
        except EngineError:
            self.remove_container(container_id)
            raise
        return container_id

    def exec(self, container_id: str, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = 60.0) -> Completed:
        """Run a command in a container and return how it ended.

        A command that outlives its limit is not ended: engines have no request for that. Removing the container does.

        Raises:
            HostTimeoutError: the command did not end within ``timeout`` seconds.
        """
        what = f"run {argv[0]} in container {container_id[:12]}"
        if stdin:
            self._put_stdin(container_id, stdin)
        body: JsonObject = {"Cmd": list(argv), "AttachStdout": True, "AttachStderr": True}
        made = self._send(Request(what, "POST", f"/containers/{quoted(container_id)}/exec", body))
        exec_id = str(as_object(made)["Id"])
        frames = self._stream_exec(what, exec_id, timeout)
        return Completed(tuple(argv), self._exit_code(what, exec_id), bytes(frames.stdout), bytes(frames.stderr))

    def _put_stdin(self, container_id: str, data: bytes) -> None:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            member = tarfile.TarInfo("tmp/stdin")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        path = f"/containers/{quoted(container_id)}/archive"
        request = Request("put a file into a container", "PUT", path, params={"path": "/"}, data=archive.getvalue())
        self._send(request)

    def _stream_exec(self, what: str, exec_id: str, timeout: float) -> Frames:
        """Read all that the command prints: the engine ends the stream when the command has ended."""
        start: JsonObject = {"Detach": False, "Tty": False}
        request = Request(what, "POST", f"/exec/{exec_id}/start", start, timeout=timeout)
        deadline = self._clock.monotonic() + timeout
        frames = Frames()
        with self._asking(what), self._perform(request, stream=True) as answer:
            for chunk in iter(lambda: answer.raw.read1(_CHUNK), b""):
                frames.feed(chunk)
                if self._clock.monotonic() > deadline:
                    message = f"{what}: still printing after {timeout:g} s"
                    raise HostTimeoutError(self.host, message, hint="raise the limit with --timeout")
        return frames

    def _exit_code(self, what: str, exec_id: str) -> int:
        """Return the exit code; the engine may note it a moment after the stream's end."""

        def look() -> tuple[int | None, str]:
            seen = as_object(self._send(Request(what, "GET", f"/exec/{exec_id}/json")))
            code = seen.get("ExitCode")
            done = seen.get("Running") is False and isinstance(code, int)
            return (cast("int", code) if done else None), "still running"

        return wait_until(self._clock, look, what=f"{what} to end", timeout=_EXIT_CODE_TIMEOUT, every=0.01)

    def container_log(self, container_id: str) -> bytes:
        """Return the last 64 KiB that the container printed, of its last 2000 lines."""
        with self._asking("read a container's log"):
            log = self._client().logs(container_id, tail=_LOG_LINES)
            return bytes(log)[-LOG_BYTES:]

    def remove_container(self, container_id: str) -> None:
        """Remove a container, running or not, with its anonymous volumes; one that is gone already is no error."""
        path = f"/containers/{quoted(container_id)}"
        request = Request(
            f"remove container {container_id[:12]}", "DELETE", path, params={"force": "true", "v": "true"}
        )
        try:
            self._send(request)
        except NotFoundError:
            return
        except ConflictError as error:
            # Somebody else removes it at this moment: that comes true without us.
            if "already in progress" not in error.message:
                raise

    def has_image(self, reference: str) -> bool:
        """Tell whether the image is on this host."""
        try:
            self._send(Request(f"look for image {reference}", "GET", f"/images/{_image(reference)}/json"))
        except NotFoundError:
            return False
        return True

    def load_image(self, archive: bytes) -> None:
        """Load an image archive (``docker save`` format)."""
        request = Request(
            "load an image", "POST", "/images/load", params={"quiet": "true"}, data=archive, timeout=_LOAD_TIMEOUT
        )
        self._progress(request)

    def pull_image(self, reference: str, *, timeout: float = 300.0) -> None:
        """Fetch an image from its registry; ``timeout`` counts the seconds without progress."""
        name, tag = _name_and_tag(reference)
        request = Request(
            f"pull image {reference}",
            "POST",
            "/images/create",
            params={"fromImage": name, "tag": tag},
            timeout=timeout,
        )
        self._progress(request)

    def remove_image(self, reference: str) -> None:
        """Remove an image; one that is gone already is no error."""
        try:
            self._send(Request(f"remove image {reference}", "DELETE", f"/images/{_image(reference)}"))
        except NotFoundError:
            return


def _image(reference: str) -> str:
    """Return a reference as it stands in a path: its slashes are part of the API's own routes."""
    return "/".join(quoted(part) for part in reference.split("/"))


def _name_and_tag(reference: str) -> tuple[str, str]:
    """Split a reference; without a tag the engine would fetch all of them."""
    name, at, digest = reference.partition("@")
    if at:
        return name, digest
    head, slash, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{head}{slash}{name}", tag or "latest"
