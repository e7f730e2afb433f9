"""The product's addresses. A part of a page lives at the page's own address (http.py)."""

from django.urls import path

from submissions import views

app_name = "submissions"

urlpatterns = [
    path("", views.home, name="home"),
    path("boards/<slug:slug>/", views.board, name="board"),
    path("boards/<slug:slug>/slots/<int:slot>/reserve", views.reserve, name="reserve"),
    path("submissions/", views.mine, name="mine"),
    path("submissions/<uuid:submission_id>/", views.submission, name="submission"),
    path("submissions/<uuid:submission_id>/details", views.send_details, name="send_details"),
    path("submissions/<uuid:submission_id>/withdraw", views.withdraw, name="withdraw"),
    path("tools/", views.tools, name="tools"),
    path("tools/<slug:slug>/", views.tool, name="tool"),
]
