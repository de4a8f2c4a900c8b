"""Stories that take long, for ``make soak`` alone: pytest collects these files only where they are named."""
