"""Networks, configs and secrets of a stack, as steps of a playbook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from swarmnet.model.network import MTU_OPTION
from swarmnet.parse.compose.forms import filled
from swarmnet.parse.compose.model import Network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.parse.compose.model import ComposeFile, Content, Shared
    from swarmnet.parse.yaml import Path

NAMESPACE = "com.docker.stack.namespace"
"""Label of all that belongs to a stack; ``docker stack`` finds it by this."""
DEFAULT = "default"
"""The network of services that name none."""
HOST_NETWORKS = ("host", "bridge", "none")
"""Names of networks on which no service has a name."""


@dataclass(frozen=True, slots=True)
class Written:
    """One step as a playbook has it, and what it is from."""

    kind: str
    arguments: JsonObject
    path: Path
    """Where it is in the stack file."""
    together: str = ""
    """What services that start side by side have in common; a stack starts all at once, as docker stack does."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack file with its name."""

    name: str
    file: ComposeFile
    folder: str
    """What relative paths of contents begin with: the folder of the first file, as the playbook names it."""

    def scoped(self, name: str) -> str:
        """Return the name that something of the stack has in the swarm, as docker stack gives it."""
        return f"{self.name}_{name}"

    def named(self, name: str, shared: Shared | None) -> str:
        """Return the name of something in the swarm: its own, that of what others made, or a scoped one."""
        if shared is None:
            return self.scoped(name)
        return shared.own_name or (name if shared.is_external else self.scoped(name))

    def network(self, name: str) -> str:
        """Return the name of a network in the swarm."""
        return self.named(name, self.file.networks.get(name))

    def labels(self, own: dict[str, str | None] | None) -> JsonObject:
        """Return labels with the stack's own."""
        return {**filled(own), NAMESPACE: self.name}

    def path(self, file: str) -> str:
        """Return the path of a file that the stack file names, as the playbook has to name it."""
        return file if file.startswith("~") else str(PurePath(self.folder, file))


def network_steps(stack: Stack, used: set[str]) -> Iterator[Written]:
    """Yield the networks that services use, save those that others made."""
    declared = [name for name in stack.file.networks if name in used]
    for name in [*declared, *(name for name in (DEFAULT,) if name in used and name not in declared)]:
        network = stack.file.networks.get(name) or Network()
        if not network.is_external:
            yield Written("network", _network(stack, name, network), ("networks", name))


def _network(stack: Stack, name: str, network: Network) -> JsonObject:
    options = filled(network.driver_opts)
    found: JsonObject = {"name": stack.network(name)}
    if network.driver not in (None, "overlay", "bridge", "default"):
        found["driver"] = network.driver
    flags = {
        "attachable": network.attachable,
        "internal": network.internal,
        "ipv4": network.enable_ipv4,
        "ipv6": network.enable_ipv6,
    }
    found |= {key: flag for key, flag in flags.items() if flag is not None}
    if "encrypted" in options:  # the driver looks at the option's presence alone
        del options["encrypted"]
        found["encrypted"] = True
    if options.get(MTU_OPTION, "").isdigit():
        found["mtu"] = int(options.pop(MTU_OPTION))
    if network.ipam is not None:
        found |= _addresses(network)
    if options:
        found["options"] = {**options}
    return found | {"labels": stack.labels(network.labels)}


def _addresses(network: Network) -> JsonObject:
    ipam = network.ipam
    if ipam is None:
        return {}
    blocks: list[JsonValue] = []
    for one in ipam.config:
        block: JsonObject = {"subnet": one.subnet, "gateway": one.gateway, "ip_range": one.ip_range}
        block |= {"aux_addresses": {**filled(one.aux_addresses)} or None}
        blocks.append({key: value for key, value in block.items() if value is not None})
    found: JsonObject = {"subnets": blocks, "ipam_options": {**filled(ipam.options)}}
    found["ipam_driver"] = None if ipam.driver == "default" else ipam.driver
    return {key: value for key, value in found.items() if value}


def content_steps(stack: Stack, kind: str) -> Iterator[Written]:
    """Yield the configs or secrets of a stack, save those that others made."""
    contents = stack.file.configs if kind == "config" else stack.file.secrets
    for name, content in contents.items():
        if not content.is_external:
            arguments: JsonObject = {"name": stack.named(name, content), "from": _source(stack, content)}
            arguments["labels"] = stack.labels(content.labels)
            if content.template_driver is not None:
                arguments["extra"] = {"Templating": {"Name": content.template_driver}}
            arguments["exact"] = True
            yield Written(kind, arguments, (f"{kind}s", name))


def _source(stack: Stack, content: Content) -> JsonObject:
    if content.file is not None:
        return {"file": stack.path(content.file)}
    return {"env": content.environment} if content.environment is not None else {"text": content.content}
