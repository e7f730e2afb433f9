"""The site's addresses: health, accounts and admin here, everything else in submissions."""

from django.contrib import admin
from django.urls import include, path

from toolsite import error_pages, health
from toolsite.sign_up import sign_up

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    # Before allauth's own, whose name it has.
    path("accounts/signup/", sign_up, name="account_signup"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("", include("submissions.urls")),
]
handler400 = error_pages.bad_request
handler500 = error_pages.server_error
