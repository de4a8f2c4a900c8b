"""All hosts of a cluster at once: observe, execute, ask whichever manager answers."""
