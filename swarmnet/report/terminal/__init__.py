"""Reports as text for the terminal, and as JSON for programs."""
