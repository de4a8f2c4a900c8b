"""Scenarios over all ordered pairs of hosts: ICMP, UDP, TCP, loss, endpoints."""
