"""The rows of many services with many tasks: what is paid for their specs, where nothing changes.

The tasks are records without containers, since 600 containers are more than one machine carries: no node has the label
that they ask for, so that they stay pending, as managers list them all the same. An unchanged ``apply`` would wait for
them; it looks at what ``plan`` looks at, once.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = 200
REPLICAS = 3
SCALE = f"""
docker service ls --quiet | xargs -P 8 -I% docker service scale --detach %={REPLICAS} >/dev/null
tasks() {{ docker service ps --quiet $(docker service ls --quiet) | wc -l; }}
until [ "$(tasks)" -ge {SERVICES * REPLICAS} ]; do sleep 1; done
"""
"""What the first manager runs to have the tasks; ``apply`` would wait for them."""
STACK = 60
"""Services of the stack file."""


def names(number: int) -> str:
    """Return the value of the playbook's variable."""
    return json.dumps([f"service-{one:03}" for one in range(number)])


def write_stack(folder: Path, number: int) -> Path:
    """Write a stack file of so many services, and return the playbook that deploys it."""
    service = {
        "image": "bench:1",
        "command": "sleep 1000000",
        "environment": {"A": "1", "B": "2"},
        "networks": {"inner": {"aliases": ["it"]}},
        "healthcheck": {"test": ["CMD", "true"], "interval": "10s"},
        "deploy": {"replicas": 0, "resources": {"limits": {"cpus": "0.5", "memory": "64M"}}},
    }
    document = {"services": {f"s{one:02}": service for one in range(number)}, "networks": {"inner": {}}}
    (folder / "bench-stack.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    playbook = folder / "bench-stack-playbook.yml"
    steps = [{"stack": {"file": "bench-stack.yml", "name": "bench"}}]
    playbook.write_text(yaml.safe_dump({"schema": 1, "name": "stack", "steps": steps}), encoding="utf-8")
    return playbook
