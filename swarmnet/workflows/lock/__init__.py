"""The lock that all operators of a cluster share."""
