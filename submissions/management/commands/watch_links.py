"""Watch the links of tools that were published before their runs did so themselves."""

from typing import Any

from django.core.management.base import BaseCommand

from submissions.models import Submission
from submissions.services.watch_link import is_left_alone, watch_link

BATCH = 500


class Command(BaseCommand):
    help = "Look every week at the link of each published tool that nobody watches yet."

    def handle(self, *args: Any, **options: Any) -> None:
        published = Submission.objects.approved().only("pk", "run_id")
        left_alone = [each.pk for each in published.iterator(BATCH) if is_left_alone(each)]
        for submission_id in left_alone:
            watch_link(submission_id)
        told = (
            f"{len(left_alone)} of {published.count()} published tools have a watch of this command"
        )
        self.stdout.write(f"{told}; the others began one as they were published.")
