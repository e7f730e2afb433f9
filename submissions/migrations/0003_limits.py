import django.contrib.postgres.fields
import django.core.validators
from django.db import migrations, models

ONE_PER_SEAT = models.UniqueConstraint(
    fields=["board", "maker", "seat"],
    condition=models.Q(seat__isnull=False, status__in=("pending", "in_review", "approved")),
    name="one_active_submission_per_seat",
)


class Migration(migrations.Migration):
    """Slots per maker, and what is counted. The code before this one leaves the defaults.

    No row has a seat yet, so the new index is empty: the table is locked for one look through it.
    """

    dependencies = [("submissions", "0002_submission_link_note")]

    operations = [
        migrations.AddField(
            model_name="board",
            name="slots_per_maker",
            field=models.PositiveSmallIntegerField(
                db_default=3,
                default=3,
                help_text="How many slots one maker may hold at a time: reserved, in review or approved.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(500),
                ],
            ),
        ),
        migrations.AddConstraint(
            model_name="board",
            constraint=models.CheckConstraint(
                condition=models.Q(slots_per_maker__gte=1), name="board_slots_per_maker_at_least_1"
            ),
        ),
        migrations.AddField(
            model_name="submission",
            name="seat",
            field=models.PositiveSmallIntegerField(editable=False, null=True),
        ),
        migrations.AddConstraint(model_name="submission", constraint=ONE_PER_SEAT),
        migrations.CreateModel(
            name="Usage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("who", models.CharField(max_length=80)),
                ("deed", models.CharField(max_length=20)),
                (
                    "moments",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.DateTimeField(), size=None
                    ),
                ),
                ("until", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["until"], name="usage_until_idx")],
                "constraints": [
                    models.UniqueConstraint(fields=("who", "deed"), name="one_usage_per_deed")
                ],
            },
        ),
    ]
