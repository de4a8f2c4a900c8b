"""Keys of stack files that are ignored, and keys that are refused: by section, with the words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES = "services find each other by name on their networks"
_NODE = "it is the node's own; a task has no say in it"
_LIMITS = "write it under deploy.resources.limits"
_RESERVATIONS = "write it under deploy.resources.reservations"
_BLKIO = "engines limit no disk speed of a service's tasks"
_COMPOSE = "it is for Docker Compose on one machine"
_NO_HOOKS = "a swarm runs no hooks: let the image's entrypoint do it"
_ADDRESS = "the tasks of a service have no fixed addresses"
_FILES = "give several files to the step instead: 'file: [compose.yml, other.yml]'"
_DEVICES = "announce them as generic resources of the nodes, and write generic_resources"

IGNORED: Mapping[str, Mapping[str, str]] = {
    "services.*": {
        "annotations": "engines pass no annotations on for services",
        "attach": _COMPOSE,
        "build": "a swarm builds nothing; the image is taken from its registry",
        "cgroup": _NODE,
        "cgroup_parent": _NODE,
        "cgroupns_mode": _NODE,
        "container_name": "tasks of a service have names of their own; use the service's name, or network aliases",
        "develop": _COMPOSE,
        "device_cgroup_rules": "tasks of a service get no devices",
        "devices": "tasks of a service get no devices; some programs work with a bind of the path",
        "domainname": "write the whole name as hostname",
        "expose": "services on one network reach each other at every port",
        "external_links": _NAMES,
        "ipc": _NODE,
        "links": _NAMES,
        "mac_address": _ADDRESS,
        "oom_kill_disable": "engines do not pass it on for services",
        "pid": "tasks of a service have their own processes",
        "platform": "write deploy.placement.constraints: [node.platform.arch == x86_64]",
        "privileged": "no task of a service is privileged; cap_add grants single capabilities",
        "pull_policy": "each node pulls the image that it does not have",
        "pull_refresh_after": "each node pulls the image that it does not have",
        "security_opt": "as docker stack does; a playbook's service step has fields for it",
        "shm_size": "mount a tmpfs of that size at /dev/shm",
        "storage_opt": "engines do not pass it on for services",
        "umask": "engines do not pass it on for services",
        "userns_mode": _NODE,
        "uts": _NODE,
    },
    "services.*.networks.*": {
        "gw_priority": "engines do not pass it on for services",
        "interface_name": "engines do not pass it on for services",
        "ipv4_address": _ADDRESS,
        "ipv6_address": _ADDRESS,
        "link_local_ips": _ADDRESS,
        "mac_address": _ADDRESS,
        "priority": "engines do not pass it on for services",
    },
    "services.*.ports.*": {"app_protocol": "engines do not know it"},
    "services.*.volumes.*.bind": {
        "create_host_path": "the path must be there on each node that may run the task",
        "selinux": "label the path on the nodes",
    },
    "services.*.depends_on.*": {"condition": "a swarm starts all services at once", "restart": "a swarm does not"},
}

REFUSED: Mapping[str, Mapping[str, str]] = {
    "": {
        "include": _FILES,
        "jobs": "write them as services with 'deploy: {mode: replicated-job}'",
        "models": "a swarm serves no models: run their server as a service",
    },
    "services.*": {
        "blkio_config": _BLKIO,
        "cpu_count": _LIMITS,
        "cpu_percent": _LIMITS,
        "cpu_period": _LIMITS,
        "cpu_quota": _LIMITS,
        "cpu_rt_period": _LIMITS,
        "cpu_rt_runtime": _LIMITS,
        "cpu_shares": _RESERVATIONS,
        "cpus": f"{_LIMITS}.cpus",
        "cpuset": "engines pin no task of a service to processors; write deploy.resources.limits.cpus",
        "extends": "use YAML anchors, or give several files to the step; 'docker compose config' fills it in",
        "gpus": _DEVICES,
        "label_file": "write the labels under 'labels'",
        "mem_limit": f"{_LIMITS}.memory",
        "mem_reservation": f"{_RESERVATIONS}.memory",
        "mem_swappiness": "engines before 29 know none for services; a playbook's service step has it in limits",
        "memswap_limit": "a playbook's service step has it in limits",
        "models": "a swarm serves no models: run their server as a service",
        "network_mode": (
            "for the network of the host write 'networks: [outside]', and at the top 'networks: {outside: {external:"
            " true, name: host}}'; no task shares the network of another"
        ),
        "pids_limit": f"{_LIMITS}.pids",
        "post_start": _NO_HOOKS,
        "pre_start": _NO_HOOKS,
        "pre_stop": _NO_HOOKS,
        "provider": "a swarm runs containers alone",
        "runtime": "make it the default runtime of the engines that need it, and constrain the service to them",
        "use_api_socket": "mount it: '/var/run/docker.sock:/var/run/docker.sock', on managers",
        "volumes_from": "name the volume at the top, and mount it in both services",
    },
    "services.*.networks.*": {"use_service_name_alias": "leave it out: a service always has its name on its networks"},
    "services.*.ports.*": {
        "host_ip": (
            "a swarm publishes on all addresses of its nodes: leave the address out, or close the port to others with a"
            " firewall"
        ),
    },
    "services.*.deploy.resources.reservations": {"devices": _DEVICES},
    "volumes.*": {
        "x-cluster-spec": "create the volume with 'docker volume create --type ...', and write 'external: true'",
    },
    "secrets.*": {
        "content": "write it to a file, or take it from a variable: 'environment: NAME'",
        "driver": "create the secret with its driver, and write 'external: true'",
        "driver_opts": "create the secret with its driver, and write 'external: true'",
    },
}
