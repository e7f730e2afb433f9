"""An event keeps who sent it. What older releases write says nothing of it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workflows", "0026_step_pool")]

    operations = [
        migrations.AddField("event", "by", models.TextField(db_default="")),
        migrations.AddField("event", "tenant", models.TextField(db_default="")),
        migrations.AddField("event", "sender", models.UUIDField(null=True)),
    ]
