"""Debounced and throttled starts: which run stands for those with the same key."""

import workflows.models.clock
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0017_worker_slots'),
    ]

    operations = [
        migrations.CreateModel(
            name='StartWindow',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('workflow', models.TextField()),
                ('kind', models.TextField()),
                ('key', models.TextField()),
                ('run_id', models.UUIDField(null=True)),
                ('first_at', models.DateTimeField(db_default=workflows.models.clock.ClockTimestamp())),
                ('due_at', models.DateTimeField(null=True)),
                ('kept_until', models.DateTimeField(db_default=workflows.models.clock.ClockTimestamp())),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workflow', 'kind', 'key'), name='start_window_once')],
            },
        ),
    ]
