from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# As admin_list.SEARCHED asks. An expression of immutable functions: no column, no trigger, nothing to fill.
WORDS = r"""
CREATE INDEX CONCURRENTLY IF NOT EXISTS submission_search_idx ON submissions_submission USING gin (
to_tsvector('simple', "name" || ' '
|| regexp_replace("name", '([[:lower:]])([[:upper:]])', '\1 \2', 'g') || ' ' || "tagline" || ' '
|| translate("link", '/.:-_?=&#~+', '           '))) WITH (fastupdate = off)
"""
EMAILS = """
CREATE INDEX CONCURRENTLY IF NOT EXISTS submission_maker_email_idx
ON auth_user (lower(email) text_pattern_ops)
"""


WAITING_FOR_A_DECISION = models.Q(status="in_review") & (
    (
        models.Q(link_checked_at__isnull=False)
        & (models.Q(appeal_until=None) | models.Q(appealed_at__isnull=False))
    )
    | models.Q(run_id=None)
)


class Migration(migrations.Migration):
    """What the admin's list and the moderators' queue are read and searched by."""

    atomic = False
    dependencies = [
        ("submissions", "0006_appeals_and_extensions"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        AddIndexConcurrently(
            "submission",
            models.Index(fields=["-reserved_at", "id"], name="submission_newest_idx"),
        ),
        AddIndexConcurrently(
            "submission",
            models.Index(fields=["status", "-reserved_at", "id"], name="submission_state_idx"),
        ),
        AddIndexConcurrently(
            "submission",
            models.Index(
                fields=["details_at", "id"],
                condition=WAITING_FOR_A_DECISION,
                name="submission_queue_idx",
            ),
        ),
        migrations.RunSQL(WORDS, "DROP INDEX CONCURRENTLY IF EXISTS submission_search_idx"),
        migrations.RunSQL(EMAILS, "DROP INDEX CONCURRENTLY IF EXISTS submission_maker_email_idx"),
    ]
