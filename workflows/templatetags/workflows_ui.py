"""`{% load workflows_ui %}`: the door through which Django's templates reach workflows/ui."""

from django import template

from workflows.ui import icons

register = template.Library()
register.simple_tag(icons.state_icon, name="state_icon")
register.simple_tag(icons.badge, name="badge")
