"""Where a worker's pid means something, and by which name the server knows its sessions."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workflows", "0007_running_steps")]

    operations = [
        migrations.AddField("worker", "place", models.TextField(default="", db_default="")),
        migrations.AddField("worker", "session_name", models.TextField(default="", db_default="")),
    ]
