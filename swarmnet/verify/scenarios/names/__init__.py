"""Scenarios of DNS: names of services, tasks, containers, and of the outside."""
