"""A filter by a typed text: nothing typed leaves the list as it is."""

import pytest
from django.test import Client
from django.urls import reverse

from workflows.api import start
from workflows.tests.flows import wait_for_go

LIST = reverse("admin:workflows_run_changelist")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "shown"), [("", True), ("+", True), ("ann", True), ("bob", False)]
)
def test_a_list_is_filtered_by_what_is_typed(admin_client: Client, typed: str, shown: bool) -> None:
    run = start.using(owner="ann")(wait_for_go)

    page = admin_client.get(f"{LIST}?owner={typed}").content.decode()

    assert (str(run.id) in page) is shown


@pytest.mark.django_db
def test_it_goes_along_with_the_other_filters_and_can_be_taken_back(admin_client: Client) -> None:
    page = admin_client.get(f"{LIST}?owner=a%22nn&tag=march&p=1").content.decode()

    assert 'name="owner" value="a&quot;nn"' in page
    assert '<input type="hidden" name="owner" value="a&quot;nn">' in page
    assert '<a href="?tag=march">All</a>' in page
    assert 'name="p"' not in page
