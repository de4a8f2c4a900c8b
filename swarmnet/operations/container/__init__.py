"""Containers outside of services."""
