"""Scenarios of encrypted overlays: states, rules, and what is on the wire."""
