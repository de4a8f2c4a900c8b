"""The user's own services: tasks, names, aliases, addresses, spread; asked without a playbook."""
