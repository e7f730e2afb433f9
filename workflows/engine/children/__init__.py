"""Child runs, as their parents start them and wait for them."""
