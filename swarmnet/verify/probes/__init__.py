"""Probes on hosts: start them, question them, and remove every trace of them."""
