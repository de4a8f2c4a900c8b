"""Playbook operations: one file each, registered in ``ALL``."""
