"""Scenarios of the load balancer: virtual addresses and IPVS."""
