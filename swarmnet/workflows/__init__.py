"""The stories, each on one screen: apply, verify, backup, restore, drill, fan-out over hosts."""
