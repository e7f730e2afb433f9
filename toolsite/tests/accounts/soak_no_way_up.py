"""A soak, run by name: python3 run.py test toolsite/tests/accounts/soak_no_way_up.py -n 0

Every single permission on every page of the admin, where test_no_way_up.py takes the permission's own
pages: so no page asks for a right of another model that nobody thought of. A minute.
"""

import pytest

from toolsite.tests.accounts.walk import (
    each_alone,
    make_site,
    sent_to_the_admin,
    staff_with,
    try_everything,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent")]


def test_no_single_permission_leads_up_anywhere() -> None:
    make_site()
    requests = sent_to_the_admin()
    found = []
    for permissions in each_alone():
        mallory, client = staff_with(*permissions)
        for wrong in try_everything(client, mallory, requests):
            found.append(f"{permissions}: {wrong}")

    assert found == []
