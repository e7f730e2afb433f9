"""What decorators register: workflows, steps, actions."""
