"""The harness itself: a whole site starts, is ready, survives its parts, and is gone afterwards."""

import signal

import pytest

from toolsite.tests.live_site import LiveSite


@pytest.mark.crash
def test_a_site_without_a_cluster_is_not_ready_and_with_a_new_one_it_is(site: LiveSite) -> None:
    site.stop_cluster(signal.SIGKILL)
    site.wait_for_status("/readyz", 503)

    site.start_cluster()

    site.wait_until_ready()
    assert site.status("/healthz") == 200
