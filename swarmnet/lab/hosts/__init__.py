"""The hosts of a lab, with the machine's kernel or with one of their own."""
