"""What a playbook expects of the user's own services, asked from inside their containers."""
