import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    """Appeals, extensions, and looks at a link that moderators ask for. Older code leaves the defaults."""

    dependencies = [("submissions", "0005_tool_words")]

    operations = [
        migrations.AddField(
            model_name="board",
            name="appeal_seconds",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                help_text=(
                    "How long a maker may ask a moderator to look after a failed link check, while the "
                    "slot is held. 0: such a submission is rejected at once."
                ),
                validators=[django.core.validators.MaxValueValidator(14 * 24 * 3600)],
            ),
        ),
        migrations.AddField(
            model_name="submission",
            name="appeal",
            field=models.CharField(
                blank=True, db_default="", default="", editable=False, max_length=300
            ),
        ),
        migrations.AddField(
            model_name="submission",
            name="appeal_until",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="submission",
            name="appealed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="submission",
            name="extended",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name="submission",
            name="recheck_run_id",
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
    ]
