"""What may happen between a backup and the day on which it is needed, and the tests that hold what then happens.

The numbers are those by which the scenarios are known to those who maintain this. A row says what happens and what is
promised; the tests are named by file and function, and must be there.
"""

from __future__ import annotations

import pytest

from tests.support.held import missing

REPOSITORY, VAULT, KEYS = "edge/backups/test_repository", "edge/backups/test_vault", "edge/backups/test_key_ring"
DIES, CHOICES, KINDS = (
    "edge/backups/test_repository_dies",
    "workflows/test_restore_choices",
    "workflows/test_restore_kinds",
)
TRUST, LOOKUP, NIGHTS = "cli/test_backup_trust", "workflows/test_backup_lookup", "workflows/test_scheduled"
RECOVER, PAGE, STEPS = "workflows/test_recover", "cli/test_restore_page", "plan/recovery/test_steps"
RAFT = "workflows/test_raft"
OFF_IT = "a_network_that_differs_is_replaced_once_its_containers_are_off_it_and_they_come_back_to_it"
ON_ENGINES = "a_customised_ingress_network_comes_back_on_every_node_and_undo_takes_the_rest_back"
POWER_CUTS = "a_swarm_begins_again_from_the_one_manager_that_power_cuts_left_and_takes_the_others_in"
EXPIRED = "until_the_swarm_begins_the_engine_is_in_none_so_that_an_expired_certificate_is_in_the_way_of_nothing"
KILLED = "secrets_come_back_on_two_engine_versions_and_a_killed_run_leaves_no_engine_stopped"

HELD: dict[int, tuple[str, dict[str, str]]] = {
    1: (
        "all managers are lost; other hosts, with other addresses, carry the same cluster afterwards",
        {
            "stories/test_total_loss": "a_cluster_comes_back_from_a_bucket_on_other_hosts_and_on_the_old_addresses",
            "soak/soak_total_loss": "a_cluster_with_encrypted_overlays_comes_back_with_all_that_it_had",
        },
    ),
    2: (
        "all managers are lost; hosts with the old addresses get a manager's whole state back, secrets included",
        {RAFT: "the_swarm_comes_back_on_hosts_that_lost_everything_and_the_other_managers_join"},
    ),
    3: (
        "a manager's state is to run at another address, or on an older engine",
        {RAFT: "what_engines_cannot_do_is_refused_before_anything_changes"},
    ),
    4: (
        "a majority is lost; the swarm begins again from the manager that is left",
        {
            "stories/test_lost_hosts": POWER_CUTS,
            RECOVER: "a_swarm_begins_again_from_one_of_three_with_all_that_it_held",
        },
    ),
    5: (
        "autolock is on: recovery from one of several managers is refused, a restore needs a place for the new key",
        {
            RAFT: "an_autolocked_swarm_of_one_manager_comes_back_with_its_key",
            RECOVER: "an_autolocked_swarm_is_refused_since_no_engine_begins_it_again",
            CHOICES: "autolock_comes_back_only_with_a_place_for_its_new_key",
        },
    ),
    6: (
        "the file with the unlock key holds another one: it is said before anything is lost",
        {"workflows/test_unlock": "a_file_that_holds_another_key_stops_the_run_before_anything_is_changed"},
    ),
    7: (
        "one bit is flipped, anywhere: 13, and 12 only for a wrong key",
        {
            VAULT: "one_flipped_bit_anywhere_is_seen_without_an_identity",
            "cli/test_backup": "one_flipped_byte_ends_with_13",
        },
    ),
    8: (
        "the file is cut, at any length; what a writer left is not taken for a backup",
        {
            VAULT: "a_file_that_is_cut_at_any_length_is_damage",
            REPOSITORY: "links_and_fifos_are_reported_and_leftovers_and_strangers_are_not_backups",
        },
    ),
    9: (
        "others made it, changed it, or put an old one where the newest was",
        {
            VAULT: "someone_elses_content_under_a_trusted_signature_is_damage",
            TRUST: "a_rollback_is_restored_only_when_it_is_allowed_or_named",
            LOOKUP: "a_copy_under_a_newer_name_is_not_the_latest",
        },
    ),
    10: (
        "the key is wrong, missing, or that of a recipient who was removed: 12, and who can open it",
        {
            VAULT: "a_foreign_identity_is_a_wrong_key_and_the_hint_names_the_recipients",
            "cli/test_backup": "a_foreign_identity_ends_with_12",
            KEYS: "a_removed_recipient_is_not_sealed_to_any_more",
        },
    ),
    11: (
        "it was made by an older version",
        {
            VAULT: "a_file_of_the_first_container_still_opens",
            "model/test_backup": "the_golden_file_of_schema_1_0_still_reads",
        },
    ),
    12: (
        "it was made by a newer version: unknown fields are kept, or it is refused with 14",
        {
            VAULT: "a_sound_file_of_a_newer_layout_is_an_unknown_schema",
            "model/test_backup": "fields_of_a_newer_minor_schema_are_kept_and_written_back",
        },
    ),
    13: (
        "some of it is there already, equal or different",
        {
            CHOICES: "b7_a_service_that_differs_is_changed_in_place",
            "workflows/test_restore": "what_is_in_the_way_is_refused_and_nothing_is_written",
        },
    ),
    14: (
        "a network that differs is in use: it is replaced with its services on it again, not under containers",
        {
            CHOICES: "a_network_that_differs_is_replaced_with_its_services_on_it_again",
            "workflows/test_restore_endpoints": OFF_IT,
            "stories/test_networks": "a_replaced_network_has_its_services_back_with_all_that_they_were",
        },
    ),
    15: (
        "a block of the backup is routed elsewhere on the new hosts",
        {
            KINDS: "b3_a_block_that_a_new_host_routes_elsewhere_is_left_to_the_engine_and_said",
            "plan/recovery/test_subnet_map": "a_network_moves_with_its_gateway_its_range_and_its_reserved_addresses",
        },
    ),
    16: (
        "the engine accepts a network and never gives it addresses, or one that carries nothing",
        {
            "operations/test_running": "a_network_that_cannot_be_allocated_is_removed_and_its_rival_named",
            "stories/test_consent": "a_restore_onto_a_network_that_carries_nothing_differs_from_one_that_works",
        },
    ),
    17: (
        "the restore is interrupted, at any request; the next one comes to the same end, undo removes only its own",
        {
            "workflows/test_restore": "an_interrupted_restore_run_again_comes_to_the_same_end",
            CHOICES: "undo_takes_back_what_the_restore_made_and_nothing_else",
        },
    ),
    18: (
        "the login breaks while a manager's state is archived: no archive, and its engine starts again",
        {
            RAFT: "a_login_that_breaks_while_the_state_is_read_leaves_no_archive_and_the_engine_comes_back",
            "stories/test_raft_archive": KILLED,
        },
    ),
    19: (
        "the disk is full, at any page; the process is killed, at any step",
        {
            DIES: "a_disk_that_is_full_at_any_page_leaves_the_older_backups_and_says_so",
            "workflows/test_backup_copy_trouble": "a_fault_at_any_call_loses_nothing_and_the_next_run_ends_it",
        },
    ),
    20: (
        "a host does not answer: the backup is partial, and displaces no complete one",
        {
            NIGHTS: "a_host_that_is_away_makes_the_backup_partial_which_displaces_no_complete_one",
            STEPS: "a_partial_backup_is_restored_only_when_that_is_allowed",
        },
    ),
    21: (
        "the cluster changes while it is looked at",
        {"workflows/test_backup_undisturbed": "what_changes_during_each_look_is_marked_and_named_in_the_backup"},
    ),
    22: (
        "clocks jump a year ahead or two days back, or change to summer time",
        {
            NIGHTS: "a_clock_that_jumps_two_days_back_loses_nothing",
            "plan/test_schedule": "times_are_local_also_when_clocks_change",
            "plan/recovery/test_retention": "a_backup_from_the_future_stops_pruning",
        },
    ),
    23: (
        "two backups at once, two schedulers, a backup while a restore runs",
        {
            NIGHTS: "a_second_scheduler_finds_the_repository_in_use_and_comes_again",
            REPOSITORY: "a_second_run_learns_who_holds_the_lock_and_a_dead_one_holds_nothing",
            "workflows/test_backup_undisturbed": "a_backup_is_refused_while_a_restore_holds_the_lock",
        },
    ),
    24: (
        "a host and the swarm share a name, or a name cannot be that of a file",
        {
            KINDS: "b4_a_local_network_with_the_name_of_one_of_the_swarm_comes_back_on_workers",
            REPOSITORY: "any_cluster_name_gives_one_plain_folder_name",
        },
    ),
    25: (
        "every field of every kind",
        {
            "stories/test_every_field": "every_flag_of_the_docker_command_comes_back_or_is_announced_as_lost",
            "workflows/test_restore_law": "a_restore_onto_fresh_hosts_without_skips_leaves_no_drift",
        },
    ),
    26: (
        "the ingress network is not as engines make it",
        {
            "cli/test_restore_lab": ON_ENGINES,
            CHOICES: "an_ingress_network_that_services_publish_through_is_left_with_the_reason",
        },
    ),
    27: (
        "the data of a secret is missing: its services are left out, all else comes back, 15",
        {"workflows/test_restore": "without_the_data_of_a_secret_its_service_is_left_out_and_all_else_restored"},
    ),
    28: (
        "values of secrets and variables are in no file, report, log or list of processes",
        {
            "workflows/test_backup": "no_secret_value_is_in_any_file_of_the_repository",
            "cli/test_backup": "neither_secret_nor_private_key_is_in_any_output_or_file_outside_the_key_directory",
        },
    ),
    29: (
        "the new engines are older than all of the old ones",
        {STEPS: "engines_older_than_all_of_the_backup_are_refused"},
    ),
    30: (
        "settings of engines and bridges differ on the new hosts",
        {
            KINDS: "b3_bridges_of_nodes_get_their_old_blocks_before_the_engine_chooses_others",
            "model/test_losses": "what_is_always_lost_is_always_reported",
        },
    ),
    31: (
        "the backup or the repository is hostile",
        {
            VAULT: "a_bomb_of_zeros_is_not_unpacked_whole",
            LOOKUP: "no_planted_file_stops_a_look_at_the_others",
            "report/test_hostile": "no_text_of_others_forges_a_line_or_steers_the_terminal",
            "edge/ssh/test_ssh_shell": "every_argument_arrives_as_it_is",
        },
    ),
    32: (
        "the repository is a stick that cannot be written",
        {PAGE: "a_stick_that_cannot_be_written_is_enough"},
    ),
    33: (
        "the operator's key is lost; the recovery file opens; without both, it is said what is needed",
        {
            PAGE: "a_backup_without_a_key_asks_for_the_key",
            TRUST: "a_lost_identity_is_renewed_and_the_recovery_file_opens_what_was_before",
        },
    ),
    34: (
        "the drill at night: a report that is signed, a cluster that is destroyed, an alarm when it takes too long",
        {
            "workflows/test_drill": "a_recovery_that_takes_longer_than_it_may_fails_a_drill_that_would_pass",
            "soak/soak_spare_hosts": "a_scheduled_drill_brings_all_back_on_spare_hosts_and_leaves_them_empty",
            "cli/test_drill_lab": "a_drill_leaves_a_signed_report_and_no_lab_also_after_kill_9",
            NIGHTS: "a_drill_comes_once_a_week_with_the_backup_of_that_night_and_one_that_fails_is_heard_of",
        },
    ),
    35: (
        "a lost manager comes back, and there are two swarms with one id",
        {RECOVER: "lost_managers_that_elect_a_leader_of_the_old_swarm_come_back_with_the_same_command"},
    ),
    36: (
        "an archive is older than its manager's certificate",
        {RAFT: EXPIRED},
    ),
    37: (
        "the CA was rotated before the archive was taken: it is rotated once more, which is said; autolock stays off",
        {RAFT: "a_ca_that_was_rotated_is_rotated_once_more_which_is_said_and_ends"},
    ),
    38: (
        "drift is found, and none where nothing changed",
        {
            "plan/recovery/test_drift": "ids_versions_addresses_and_forced_updates_are_not_drift",
            "cli/test_backup": "diff_ends_with_6_on_drift_and_with_0_on_none",
        },
    ),
    39: (
        "the schedule's run has an empty environment, the machine slept, no host answers",
        {
            "cli/test_schedule": "a_run_needs_neither_environment_nor_directory_and_hides_what_is_secret",
            NIGHTS: "runs_that_a_sleeping_machine_missed_are_made_up_for_once",
            "cli/test_restore_lab": ON_ENGINES,
        },
    ),
    40: (
        "a restore of nothing is an error",
        {
            STEPS: "a_backup_of_nothing_is_an_error_and_not_a_success",
            KINDS: "b4_a_pattern_that_names_nothing_is_an_error",
        },
    ),
}


@pytest.mark.parametrize("number", HELD)
def test_the_tests_that_hold_a_scenario_are_there(number: int) -> None:
    _what, tests = HELD[number]
    assert tests
    assert missing(tests.items()) == []


def test_each_of_the_forty_is_held() -> None:
    assert sorted(HELD) == [*range(1, 41)]
