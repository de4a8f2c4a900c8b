"""One rule of what is hidden, over every place where a value may hold a secret (H8, M5)."""

from __future__ import annotations

import json

import pytest

from swarmnet.model.plan import Change
from swarmnet.model.redaction import Cover

CANARY = "correct-horse-battery"
PLANTED = {
    "an environment variable": ("env", {"FLAG": CANARY}),
    "one whose name says nothing": ("env.MODE", CANARY),
    "a label": ("labels.traefik.http.middlewares.auth.basicauth.users", CANARY),
    "a label of containers": ("container_labels", {"x": CANARY}),
    "an argument": ("args", ["--password", CANARY]),
    "an argument of one word": ("args", [f"--password={CANARY}"]),
    "a short argument": ("command", ["mysql", f"-p{CANARY}"]),
    "a URL in an argument": ("args", [f"postgres://u:{CANARY}@db/x"]),
    "a driver's option": ("options.o", CANARY),
    "an option of the address manager": ("ipam_options", {"token": CANARY}),
    "an option of an attachment": ("networks.front", {"aliases": [], "options": {"k": CANARY}}),
    "a rest of the environment": ("extra.TaskTemplate", {"ContainerSpec": {"Env": [f"A={CANARY}"]}}),
    "a health check": ("extra.TaskTemplate.ContainerSpec.Healthcheck.Test", ["CMD", "curl", "-u", f"u:{CANARY}"]),
    "an option of a log driver": ("extra.TaskTemplate.LogDriver.Options.splunk-token", CANARY),
    "an option of a volume": ("extra.Mounts", [{"VolumeOptions": {"DriverConfig": {"Options": {"o": CANARY}}}}]),
    "a label of a volume": ("extra.Mounts", [{"VolumeOptions": {"Labels": {"Name": CANARY}}}]),
    "a key of the engine that is not known yet": ("extra.TaskTemplate.Novelty", CANARY),
    "a user in a URL": ("image", f"https://token:{CANARY}@registry.example/web"),
    "a token in a URL": ("extra.Source", f"https://{CANARY}@host/x"),
}


@pytest.mark.parametrize(("path", "value"), PLANTED.values(), ids=PLANTED)
def test_what_may_hold_a_secret_is_hidden_and_shown_on_request(path: str, value: object) -> None:
    change = Change.model_validate({"path": path, "after": value})

    assert CANARY not in Cover().change(change).model_dump_json()
    assert Cover(shows=True).change(change) == change


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("image", "registry.example/web:1"),
        ("env", {"NAME": ""}),
        ("labels.io.swarmnet.managed", "shop"),
        ("options.com.docker.network.driver.mtu", "1400"),
        ("args", ["--verbose"]),
        (
            "extra.TaskTemplate.ContainerSpec.Mounts",
            [{"Type": "bind", "Source": "/", "Target": "/h"}],
        ),
        ("extra.TaskTemplate.ContainerSpec.CapabilityAdd", ["CAP_SYS_ADMIN"]),
    ],
)
def test_what_a_task_may_do_is_shown(path: str, value: object) -> None:
    change = Change.model_validate({"path": path, "after": value})

    assert Cover().change(change) == change


def test_equal_values_have_equal_tags_in_one_run_alone() -> None:
    one, other = Cover(), Cover()

    def tagged(cover: Cover, value: str) -> str:
        return json.dumps(cover.value(("env", "A"), value))

    assert tagged(one, CANARY) == tagged(one, CANARY) != tagged(one, "x")
    assert tagged(one, CANARY) != tagged(other, CANARY)
