"""Scenarios of published ports: the routing mesh and host mode."""
