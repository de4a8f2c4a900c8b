"""Scenarios of packet sizes: the MTU of overlays and of the underlay."""
