"""What `manage.py workflows` does, a file for each kind of deed."""
