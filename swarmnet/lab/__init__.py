"""Several real Docker hosts on one Linux machine."""
