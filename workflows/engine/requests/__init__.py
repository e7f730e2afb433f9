"""What callers outside a run ask for: start it, send it events, steer it, list it."""
