"""The site's addresses: accounts and admin here, health in door.py, the rest in submissions."""

from django.contrib import admin
from django.urls import include, path

from submissions.metrics import SubmissionsCollector
from toolsite import error_pages
from toolsite.sign_up import sign_up
from workflows.metrics.views import metrics

urlpatterns = [
    # Before allauth's own, whose name it has.
    path("accounts/signup/", sign_up, name="account_signup"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("metrics", metrics, {"collectors": [SubmissionsCollector()]}),
    path("", include("submissions.urls")),
]
handler400 = error_pages.bad_request
handler500 = error_pages.server_error
