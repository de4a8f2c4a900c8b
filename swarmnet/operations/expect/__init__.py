"""``expect``: who may talk to whom. Changes nothing; plans refuse what cannot hold, and verify asks."""
