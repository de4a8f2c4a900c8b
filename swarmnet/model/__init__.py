"""The nouns of swarmnet: frozen, pure, shared by playbook, plan, observation, backup, restore and drift."""
