"""A drive: call the workflow's code, then park, end or undo the run."""
