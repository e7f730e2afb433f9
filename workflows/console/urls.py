"""The console's addresses: path("operations/", include("workflows.console.urls"))."""

from django.urls import path

from workflows.console.action_page import act
from workflows.console.bulk_page import ask, work
from workflows.console.look import look
from workflows.console.run_page import line, run, value
from workflows.console.runs_page import runs

app_name = "workflows_console"
urlpatterns = [
    path("", runs, name="runs"),
    path("look/", look, name="look"),
    path("bulk/", ask, name="bulk_ask"),
    path("bulk/work/", work, name="bulk_work"),
    path("<uuid:run_id>/", run, name="run"),
    path("<uuid:run_id>/do/<slug:verb>/", act, name="act"),
    path("<uuid:run_id>/lines/<int:line_id>/", line, name="line"),
    path("<uuid:run_id>/json/<slug:part>/", value, name="value"),
]
