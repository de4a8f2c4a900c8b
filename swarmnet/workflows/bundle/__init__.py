"""``bundle``: evidence of all hosts for a support case, without what must never leave the cluster."""
