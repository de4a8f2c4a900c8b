"""Verify scenarios: one file each, what to ask and how to judge the answers."""
