"""What `manage.py workflows_doctor` looks at, a file for each part of the house."""
