"""Type checkers find what is wrong in workflow code, and nothing where nothing is."""
