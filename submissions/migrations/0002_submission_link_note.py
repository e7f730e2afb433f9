from django.db import migrations, models


class Migration(migrations.Migration):
    """What the link check tells moderators. The code before this one leaves the default."""

    dependencies = [("submissions", "0001_boards_and_submissions")]

    operations = [
        migrations.AddField(
            model_name="submission",
            name="link_note",
            field=models.CharField(blank=True, db_default="", default="", max_length=400),
        )
    ]
