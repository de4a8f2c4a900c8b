"""Checks of hosts before they are in a swarm."""
