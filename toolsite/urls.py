"""The site's addresses: accounts and admin here, health in door.py, the rest in submissions."""

from django.contrib import admin
from django.urls import include, path

from toolsite import error_pages

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("", include("submissions.urls")),
]
handler400 = error_pages.bad_request
handler500 = error_pages.server_error
