"""Kill processes in every place and look whether anything was lost, repeated or left undone."""
