"""A replay that is watched: each operation as the code asks for it, beside what history says."""
