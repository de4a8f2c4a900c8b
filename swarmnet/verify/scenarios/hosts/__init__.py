"""Scenarios of the hosts themselves: firewall, kernel, gossip."""
