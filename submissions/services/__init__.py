"""What people and moderators do: a file per verb, each one transaction."""
