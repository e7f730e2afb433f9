"""The console's addresses: path("operations/", include("workflows.console.urls"))."""

from django.urls import path

from workflows.console.look import look
from workflows.console.runs_page import runs

app_name = "workflows_console"
urlpatterns = [
    path("", runs, name="runs"),
    path("look/", look, name="look"),
]
