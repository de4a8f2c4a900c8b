"""Stack files: from the YAML of the Compose Specification to the steps of a playbook."""
