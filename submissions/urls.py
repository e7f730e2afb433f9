"""The product's addresses. A part of a page lives at the page's own address (http.py)."""

from django.contrib.sitemaps.views import sitemap
from django.urls import path
from django.views.decorators.cache import cache_control

from submissions import moderation_views, views, waitlist_views
from submissions.discovery.feed import BoardFeed
from submissions.discovery.robots import robots
from submissions.discovery.sitemap import SITEMAPS, index
from submissions.moderator_deeds import DEEDS

app_name = "submissions"

for_an_hour = cache_control(public=True, max_age=3600)
"""What programs read may be an hour old."""

urlpatterns = [
    path("", views.home, name="home"),
    path("boards/<slug:slug>/", views.board, name="board"),
    path("boards/<slug:slug>/slots/<int:slot>/reserve", views.reserve, name="reserve"),
    path("boards/<slug:slug>/waitlist/", waitlist_views.place, name="waitlist"),
    path("boards/<slug:slug>/waitlist/join", waitlist_views.join, name="join_waitlist"),
    path("boards/<slug:slug>/waitlist/leave", waitlist_views.leave, name="leave_waitlist"),
    path("submissions/", views.mine, name="mine"),
    path("submissions/<uuid:submission_id>/", views.submission, name="submission"),
    path("submissions/<uuid:submission_id>/details", views.send_details, name="send_details"),
    path("submissions/<uuid:submission_id>/withdraw", views.withdraw, name="withdraw"),
    path("submissions/<uuid:submission_id>/appeal", views.appeal, name="appeal"),
    path("moderation/", moderation_views.waiting, name="moderation"),
    path("moderation/<uuid:submission_id>/", moderation_views.look, name="moderate"),
    *[
        path(
            f"moderation/<uuid:submission_id>/{deed}",
            moderation_views.do,
            {"deed": deed},
            name=f"moderate_{deed}",
        )
        for deed in DEEDS
    ],
    path("tools/", views.tools, name="tools"),
    path("tools/<slug:slug>/", views.tool, name="tool"),
    path("boards/<slug:slug>/feed.atom", for_an_hour(BoardFeed()), name="feed"),
    path("robots.txt", for_an_hour(robots), name="robots"),
    path("sitemap.xml", for_an_hour(index), name="sitemap"),
    path(
        "sitemap-<slug:section>.xml",
        for_an_hour(sitemap),
        {"sitemaps": SITEMAPS},
        name="sitemap_section",
    ),
]
