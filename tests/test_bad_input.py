"""What people get wrong about workloads, and the tests that hold what they read then, before anything changes.

Tests are named by file and function, and must be there. Where nothing can know before a task fails, as with an image
that no registry has, the wait ends at once with the reason.
"""

from __future__ import annotations

import pytest

from tests.support.held import missing

STACK, VARIABLES, FILES = "parse/compose/test_stack", "parse/compose/test_interpolate", "parse/test_env_files"
SERVICE, CONTAINERS, PORTS = (
    "operations/service/test_service",
    "operations/service/test_containers",
    "operations/service/test_open_ports",
)
CROSS, ERRORS, IMAGE = (
    "operations/service/test_cross_checks",
    "operations/service/test_task_errors",
    "operations/image/test_image",
)
RECOGNISED, IMAGES, CONTENT = "parse/test_recognise", "stories/test_images", "operations/content/test_content"

HELD: dict[str, tuple[tuple[str, str], ...]] = {
    "a compose file where a playbook belongs": (
        (RECOGNISED, "a_file_that_is_not_a_playbook_is_named_with_what_to_do"),
        (RECOGNISED, "a_compose_file_with_anchors_is_still_one"),
        ("parse/compose/test_playbook", "a_stack_file_given_as_a_playbook_is_recognised"),
    ),
    "a playbook where a compose file belongs": (
        ("cli/test_convert", "a_playbook_is_not_a_stack_file"),
        ("parse/compose/test_playbook", "what_is_wrong_with_a_stack_is_said_with_file_and_line"),
    ),
    "a variable that is not set": (
        (VARIABLES, "what_cannot_be_filled_in_is_named"),
        (VARIABLES, "every_variable_that_is_not_set_is_named_once"),
        (FILES, "a_name_that_has_no_value_here_is_left_out_and_said"),
        ("parse/test_playbook", "the_environment_is_an_argument"),
        ("parse/test_playbook", "an_undefined_variable_is_reported_with_the_nearest_one"),
    ),
    "build in a compose file": (
        (STACK, "a_service_without_an_image_hears_about_its_build"),
        (STACK, "what_is_ignored_is_named_with_its_line"),
    ),
    "a bind mount of a relative path": (
        (STACK, "what_is_wrong_is_refused_with_its_line"),
        (CONTAINERS, "what_engines_refuse_or_drop_is_refused"),
    ),
    "an unknown service in depends_on": ((STACK, "what_is_wrong_is_refused_with_its_line"),),
    "a circle of services that depend on each other": ((STACK, "every_circle_and_every_problem_is_shown_at_once"),),
    "one port of two services of the files": (
        (STACK, "two_services_that_publish_one_port_are_refused_at_the_second"),
        (SERVICE, "d_tasks_that_no_node_can_take_are_warned_of"),
    ),
    "a port that a service has already": ((SERVICE, "a_port_that_another_service_publishes_is_refused"),),
    "a port that a process of a host has": (
        (PORTS, "a_port_that_another_process_holds_is_reported_with_host_and_user"),
        (ERRORS, "a_port_that_a_program_holds_ends_the_wait_with_host_and_process"),
        (ERRORS, "a_port_that_a_container_holds_ends_the_wait_with_host_and_container"),
    ),
    "a port that sshd or the cluster needs": (
        (SERVICE, "d_a_service_that_cannot_work_is_refused"),
        (SERVICE, "d_ports_of_the_inventorys_own_sshd_and_data_path_are_known"),
    ),
    "a mount of a path that a host has not": (
        (CROSS, "a_path_that_is_missing_where_a_task_may_run_is_named_with_its_hosts"),
        (CROSS, "hosts_themselves_say_which_path_is_missing"),
    ),
    "a mount of a type that an engine does not know": (
        (CONTAINERS, "what_engines_refuse_or_drop_is_refused"),
        (STACK, "what_is_wrong_is_refused_with_its_line"),
        ("operations/test_engine_versions", "a_mount_of_the_cluster_is_refused_on_managers_that_are_too_old"),
        ("operations/container/test_container", "a_mount_of_an_image_needs_an_engine_that_knows_it"),
        ("contract/volumes", "mounts_of_images_are_for_containers_and_those_of_the_cluster_for_tasks"),
    ),
    "an image that no registry has": (
        (ERRORS, "an_image_that_no_registry_has_ends_the_wait_with_a_host_that_says_so"),
        (IMAGES, "what_a_registry_refuses_is_said_with_what_to_do"),
    ),
    "an image for other processors": (
        (CROSS, "an_image_for_machines_that_no_node_is_leaves_tasks_waiting"),
        (IMAGE, "an_image_of_a_registry_for_other_machines_does_not_stay"),
        (IMAGE, "one_that_a_host_has_for_other_machines_is_a_problem"),
        (IMAGES, "an_image_for_other_processors_is_refused_with_both_named"),
    ),
    "a registry that refuses": (
        (IMAGE, "a_registry_that_refuses_is_an_error"),
        (IMAGES, "what_a_registry_refuses_is_said_with_what_to_do"),
    ),
    "a config or a secret that is too large": (
        (CONTENT, "a_content_that_is_too_large_for_any_engine_is_refused"),
        (CONTENT, "a_config_that_is_too_large_for_a_manager_is_refused_with_its_host_and_version"),
        ("contract/control", "secrets_have_less_than_500_kib_and_configs_less_than_1000"),
    ),
    "an env file that holds no text": ((FILES, "a_file_that_holds_something_else_is_refused_with_its_line"),),
}


@pytest.mark.parametrize("mistake", HELD)
def test_the_tests_that_hold_what_is_said_are_there(mistake: str) -> None:
    assert HELD[mistake]
    assert missing(HELD[mistake]) == []
