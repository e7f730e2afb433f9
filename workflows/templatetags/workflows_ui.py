"""`{% load workflows_ui %}`: the door through which Django's templates reach workflows/ui."""

from django import template

from workflows.ui import icons, parts, times
from workflows.ui.json_tree import json_tree

register = template.Library()
register.simple_tag(icons.state_icon, name="state_icon")
register.simple_tag(icons.badge, name="badge")
register.simple_tag(parts.number, name="number")
register.filter("when", times.when)
register.filter("length_of_time", times.length)
register.filter("json_tree", json_tree)
