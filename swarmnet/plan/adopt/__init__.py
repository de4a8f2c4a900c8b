"""A playbook for what is there: from an observed cluster, or a backup, to the steps that describe it. Pure."""
