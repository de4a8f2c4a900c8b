"""No byte of a bundle holds a secret that real engines and hosts have: canaries in every place that can hold one."""

from __future__ import annotations

import base64
import gzip
import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from swarmnet.lab.image import make_image
from tests.support.commands import Operator, docker

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab

BIRD = "cAn4ry"
PLACES = (
    "service-env",
    "service-arg",
    "service-label",
    "container-label",
    "node-label",
    "config",
    "secret",
    "box-env",
    "box-arg",
    "engine-label",
    "proxy",
    "log-opt",
    "debug-log",
    "registry",
    "log-url",
    "log-variable",
    "log-json",
    "log-bearer",
    "log-option",
)
CANARIES = {place: f"{BIRD}-{place}-9B1f" for place in PLACES}
DAEMON = "/etc/docker/daemon.json"
LOG = "/var/log/docker.log"
SITE = f"""
schema: 1
name: site
steps:
  - swarm: {{}}
  - node: {{labels: {{owner: {CANARIES["node-label"]}}}}}
  - network: {{name: front, attachable: true}}
  - config: {{name: settings, from: {{file: settings.conf}}}}
  - secret: {{name: password, from: {{env: PASSWORD}}}}
  - service:
      name: web
      image: canary:1
      command: [sh, -c, "sleep 1000000"]
      env: {{DATABASE: "postgres://bob:{CANARIES["service-env"]}@db/x", MODE: "{CANARIES["service-env"]}"}}
      labels: {{note: {CANARIES["service-label"]}}}
      container_labels: {{note: {CANARIES["container-label"]}}}
      args: ["--", "{CANARIES["service-arg"]}"]
      networks: [front]
      configs: [settings]
      secrets: [password]
      stop_grace_period: 0s
"""


def shell(lab: Lab, host: str, script: str) -> str:
    done = lab.exec(host, ["sh", "-c", script])
    assert done.exit_code == 0, done.last_words()
    return done.stdout


def settings_with_canaries(text: str) -> str:
    """Return an engine's settings with what an operator may write there."""
    more = {
        "debug": True,
        "labels": [f"owner={CANARIES['engine-label']}"],
        "log-opts": {"max-size": "10m", "tag": CANARIES["log-opt"]},
        "proxies": {"http-proxy": f"http://bob:{CANARIES['proxy']}@10.0.0.9:3128"},
    }
    return json.dumps({**json.loads(text or "{}"), **more})


def log_lines() -> str:
    head = 'time="2026-01-01T00:00:00Z" level=error msg='
    said = (
        f"get https://bob:{CANARIES['log-url']}@registry.example/v2/: refused",
        f"started with DB_HOST={CANARIES['log-variable']}",
        rf"body {{\"password\":\"{CANARIES['log-json']}\"}}",
        f"Authorization: Bearer {CANARIES['log-bearer']}",
        f"exec tool --token {CANARIES['log-option']} --retries 3",
        f"the task printed {CANARIES['service-env']} and went on",
    )
    return "".join(f'{head}"{line}"\n' for line in said)


def plant(lab: Lab, operator: Operator, inventory: str) -> None:
    """Put a canary into each place that can hold a secret."""
    make_image(lab, "canary:1")
    (operator.directory / "site.yml").write_text(SITE, encoding="utf-8")
    (operator.directory / "settings.conf").write_text(f"user: bob\npass: {CANARIES['config']}\n", encoding="utf-8")
    operator.types("apply", "site.yml", "-i", inventory, "--yes", secret={"PASSWORD": CANARIES["secret"]})
    auth = base64.b64encode(f"bob:{CANARIES['registry']}".encode()).decode()
    login = json.dumps({"auths": {"registry.example": {"auth": auth}}})
    shell(lab, "m2", f"mkdir -p /root/.docker; printf %s '{login}' > /root/.docker/config.json")
    before = shell(lab, "m2", f"cat {DAEMON}; cp {DAEMON} {DAEMON}.before")
    shell(lab, "m2", f"printf %s '{settings_with_canaries(before)}' > {DAEMON}; kill -HUP $(cat /var/run/docker.pid)")
    shell(
        lab,
        "m2",
        "for n in 1 2 3 4 5 6 7 8 9 10; do docker info 2>/dev/null | grep -q owner= && break; sleep 0.2; done",
    )
    box = ("run", "--detach", "--name", "box", "--env", f"PIN={CANARIES['box-env']}", "--env", CANARIES["debug-log"])
    docker(lab, "m2", *box, "canary:1", "sh", "-c", f"sleep 1000 # {CANARIES['box-arg']}")
    lines = base64.b64encode(log_lines().encode()).decode()
    shell(lab, "m2", f"echo {lines} | base64 -d >> {LOG}")


def take_away(lab: Lab) -> None:
    shell(lab, "m2", f"mv {DAEMON}.before {DAEMON}; kill -HUP $(cat /var/run/docker.pid); rm /root/.docker/config.json")


def files_of(archive: Path) -> dict[str, bytes]:
    """Return the files of a bundle below its one folder."""
    with tarfile.open(archive) as opened:
        members = [one for one in opened.getmembers() if one.isfile()]
        return {one.name.partition("/")[2]: opened.extractfile(one).read() for one in members}  # type: ignore[union-attr]


def test_no_secret_of_a_real_cluster_is_in_any_byte_of_its_bundle(lab: Lab, tmp_path: Path) -> None:
    operator, inventory = Operator(tmp_path), str(lab.inventory)
    plant(lab, operator, inventory)
    try:
        raw = shell(lab, "m2", f"cat {LOG} {DAEMON}; docker inspect box; docker info")
        operator.types("bundle", "-i", inventory, "--to", "case.tar.gz")
        operator.types("bundle", "-i", inventory, "--to", "pseudo.tar.gz", "--pseudonyms")
    finally:
        take_away(lab)

    for name in ("case.tar.gz", "pseudo.tar.gz"):
        packed = (tmp_path / name).read_bytes()
        whole = gzip.decompress(packed)
        for place, canary in CANARIES.items():
            encoded = base64.b64encode(canary.encode()).rstrip(b"=")
            assert canary.encode() not in whole, (name, place)
            assert encoded not in whole, (name, place)
        assert BIRD.encode() not in whole
    seen = {place for place, canary in CANARIES.items() if canary in raw}
    assert seen >= {"box-env", "box-arg", "engine-label", "proxy", "log-opt", "debug-log", "log-url", "log-variable"}

    files = files_of(tmp_path / "case.tar.gz")
    assert "form data: ***" in files["hosts/m2/logs/docker.log"].decode()
    assert '"max-size": "10m"' in files["hosts/m2/docker/daemon.json"].decode()
    assert b'"name": "web"' in files["cluster/state.json"]
    assert {path.split("/")[1] for path in files if path.startswith("hosts/")} == {"m1", "m2", "m3"}
    manifest = json.loads(files["manifest.json"])
    assert {one["path"] for one in manifest["files"]} == files.keys() - {"README.txt", "manifest.json"}
    hidden = gzip.decompress((tmp_path / "pseudo.tar.gz").read_bytes())
    for host in ("m1", "m2", "m3"):
        assert f"hosts/{host}/".encode() not in hidden
