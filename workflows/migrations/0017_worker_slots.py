"""How many runs a worker drives at once: limits may be a share of the slots of all."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0016_limits'),
    ]

    operations = [
        migrations.AddField(
            model_name='worker',
            name='slots',
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
    ]
