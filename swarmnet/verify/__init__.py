"""``verify``: prove that the network works, and name the cause where it does not."""
