"""One service of a stack as a step of a playbook, with the names and labels that docker stack gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.parse.compose.forms import filled
from swarmnet.parse.compose.mounts import mounts_of
from swarmnet.parse.compose.objects import DEFAULT, HOST_NETWORKS, NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.parse.compose.objects import Stack
    from swarmnet.parse.compose.service import Deploy, FileUse, Service
    from swarmnet.parse.yaml import Path

IMAGE_LABEL = "com.docker.stack.image"
"""Label with the image as the file has it, as docker stack writes it."""

_DEPLOY, _PLACEMENT = ("deploy",), ("deploy", "placement")
KEYS: Mapping[str, Path] = {
    "args": ("command",),
    "command": ("entrypoint",),
    "constraints": (*_PLACEMENT, "constraints"),
    "container_labels": ("labels",),
    "endpoint_mode": (*_DEPLOY, "endpoint_mode"),
    "env": ("environment",),
    "groups": ("group_add",),
    "hosts": ("extra_hosts",),
    "labels": (*_DEPLOY, "labels"),
    "limits": (*_DEPLOY, "resources", "limits"),
    "max_concurrent": (*_DEPLOY, "replicas"),
    "max_replicas_per_node": (*_PLACEMENT, "max_replicas_per_node"),
    "mode": (*_DEPLOY, "mode"),
    "mounts": ("volumes",),
    "replicas": (*_DEPLOY, "replicas"),
    "reservations": (*_DEPLOY, "resources", "reservations"),
    "restart": (*_DEPLOY, "restart_policy"),
    "rollback": (*_DEPLOY, "rollback_config"),
    "spread": (*_PLACEMENT, "preferences"),
    "stdin": ("stdin_open",),
    "update": (*_DEPLOY, "update_config"),
    "workdir": ("working_dir",),
}
"""Fields of the step that have other names in a stack file, and where they are there."""


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of a service."""

    values: Mapping[str, str]
    files: tuple[str, ...] = ()
    """Files of more; the values go before them."""


def service_step(stack: Stack, name: str, service: Service, variables: Variables) -> JsonObject:
    """Return the arguments of the service's step; what the file leaves out is left out.

    Args:
        stack: the stack.
        name: the service's name in the file.
        service: as the file has it.
        variables: its own, and those of its files, or the files.
    """
    deploy = service.deploy
    found: JsonObject = {"name": stack.scoped(name), "whole": True, "image": service.image}
    found |= _scale(service)
    found |= _same(
        service,
        command=_words(service.entrypoint),
        args=_words(service.command),
        env={**variables.values},
        env_file=[*variables.files],
        networks=_networks(stack, name, service),
        ports=[_port(one) for one in service.ports or ()],
        mounts=mounts_of(stack, service),
        configs=_files(stack, "config", service.configs or ()),
        secrets=_files(stack, "secret", service.secrets or ()),
    )
    found |= _container(stack, service)
    found |= _deploy(service)
    own = deploy.labels if deploy is not None else None
    found["labels"] = {**filled(own), NAMESPACE: stack.name, IMAGE_LABEL: service.image or ""}
    found["container_labels"] = stack.labels(service.labels)
    return found


def networks_of(service: Service) -> tuple[str, ...]:
    """Return the networks that a service names, or the stack's own one."""
    return tuple(service.networks or ()) or (DEFAULT,)


def _same(_service: Service, **values: JsonValue) -> JsonObject:
    """Return what is said: an empty text, list or mapping is not."""
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}


def _words(words: tuple[str, ...] | None) -> JsonValue:
    return None if words is None else [*words]


def _scale(service: Service) -> JsonObject:
    deploy = service.deploy
    mode = None if deploy is None else deploy.mode
    replicas = service.scale if deploy is None or deploy.replicas is None else deploy.replicas
    found: JsonObject = {} if mode in (None, "replicated") else {"mode": mode}
    if replicas is not None:
        found["replicas"] = replicas
    if mode == "replicated-job" and replicas is not None:
        found["max_concurrent"] = replicas  # docker stack runs all of a job's tasks at once
    return found


def _networks(stack: Stack, name: str, service: Service) -> JsonValue:
    found: list[JsonValue] = []
    for network in networks_of(service):
        use = (service.networks or {}).get(network)
        target = stack.network(network)
        if target in HOST_NETWORKS:
            found.append(target)
            continue
        aliases = [*dict.fromkeys((*(use.aliases or () if use is not None else ()), name))]
        entry: JsonObject = {"network": target, "aliases": [*aliases]}
        if use is not None and use.driver_opts:
            entry["options"] = {**filled(use.driver_opts)}
        found.append(entry)
    return found


def _port(port: BaseModel) -> JsonValue:
    values = port.model_dump(exclude={"index"}, exclude_none=True)
    if set(values) > {"target", "published", "protocol", "mode"}:
        return values
    front = f"{values['published']}:" if values.get("published") else ""
    protocol = "" if values["protocol"] == "tcp" else f"/{values['protocol']}"
    return f"{front}{values['target']}{protocol}{'@host' if values['mode'] == 'host' else ''}"


def _files(stack: Stack, kind: str, uses: Iterable[FileUse]) -> JsonValue:
    declared = stack.file.configs if kind == "config" else stack.file.secrets
    found: list[JsonValue] = []
    for use in uses:
        entry: JsonObject = {
            "source": stack.named(use.source, declared.get(use.source)),
            "target": use.target or use.source,
            "uid": use.uid,
            "gid": use.gid,
            "mode": use.mode,
        }
        found.append({key: value for key, value in entry.items() if value is not None})
    return found


def _container(stack: Stack, service: Service) -> JsonObject:
    dns = _same(
        service,
        servers=[*(service.dns or ())],
        search=[*(service.dns_search or ())],
        options=[*(service.dns_opt or ())],
    )
    return _same(
        service,
        healthcheck=_parts(service.healthcheck),
        logging=_logging(service),
        dns=dns,
        hosts={**(service.extra_hosts or {})},
        cap_add=[*(service.cap_add or ())],
        cap_drop=[*(service.cap_drop or ())],
        sysctls={**filled(service.sysctls)},
        ulimits=_ulimits(service),
        init=service.init,
        tty=service.tty,
        stdin=service.stdin_open,
        read_only=service.read_only,
        stop_signal=service.stop_signal,
        stop_grace_period=service.stop_grace_period,
        user=service.user,
        workdir=service.working_dir,
        hostname=service.hostname,
        groups=[*(service.group_add or ())],
        isolation=service.isolation,
        oom_score_adj=service.oom_score_adj,
        credential_spec=_credential_spec(stack, service),
    )


def _parts(part: BaseModel | None) -> JsonValue:
    return None if part is None else part.model_dump(mode="json", exclude_none=True)


def _credential_spec(stack: Stack, service: Service) -> JsonValue:
    spec = service.credential_spec
    if spec is None or spec.config is None:
        return _parts(spec)
    return {"config": stack.named(spec.config, stack.file.configs.get(spec.config))}


def _logging(service: Service) -> JsonValue:
    if service.logging is None:
        return None
    return _same(service, driver=service.logging.driver, options={**filled(service.logging.options)})


def _ulimits(service: Service) -> JsonValue:
    limits = service.ulimits or {}
    return {name: one if isinstance(one, int) else _parts(one) for name, one in limits.items()}


def _deploy(service: Service) -> JsonObject:
    deploy = service.deploy
    found: JsonObject = {} if deploy is None else _policies(service, deploy)
    if "restart" not in found and service.restart not in (None, "no", "false"):
        word, _, attempts = (service.restart or "").partition(":")
        policy: JsonObject = {"condition": "on-failure" if word == "on-failure" else "any"}
        if attempts not in ("", "0"):
            policy["max_attempts"] = int(attempts)
        found["restart"] = policy
    return found


def _policies(service: Service, deploy: Deploy) -> JsonObject:
    placement, resources = deploy.placement, deploy.resources
    limits = None if resources is None else resources.limits
    reservations = None if resources is None else resources.reservations
    return _same(
        service,
        endpoint_mode=deploy.endpoint_mode,
        constraints=[] if placement is None else [*placement.constraints],
        spread=[] if placement is None else [one.spread for one in placement.preferences],
        max_replicas_per_node=None if placement is None else placement.max_replicas_per_node,
        limits=None if limits is None else _amounts(limits),
        reservations=None if reservations is None else _reserved(reservations),
        update=_parts(deploy.update_config),
        rollback=_parts(deploy.rollback_config),
        restart=_parts(deploy.restart_policy),
    )


def _amounts(part: BaseModel) -> JsonObject:
    values: JsonObject = part.model_dump(mode="json", exclude_none=True, exclude={"generic_resources"})
    return {key: value for key, value in values.items() if value not in (0, "0")}


def _reserved(reservations: BaseModel) -> JsonObject:
    found = _amounts(reservations)
    generic = [one.discrete_resource_spec for one in getattr(reservations, "generic_resources", ())]
    return found | ({"generic": {one.kind: one.value for one in generic}} if generic else {})
