"""Schedules. A new table: older code beside it does not know it, and needs nothing of it."""

import django.contrib.postgres.fields
import workflows.models.clock
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0010_run_turns'),
    ]

    operations = [
        migrations.CreateModel(
            name='Schedule',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('name', models.TextField(unique=True)),
                ('workflow', models.TextField()),
                ('input', models.JSONField(blank=True, db_default={}, default=dict)),
                ('cron', models.TextField(blank=True, db_default='', default='')),
                ('zone', models.TextField(db_default='UTC', default='UTC')),
                ('every_seconds', models.FloatField(blank=True, null=True)),
                ('at', models.DateTimeField(blank=True, null=True)),
                ('overlap', models.TextField(choices=[('skip', 'Skip'), ('queue one', 'Queue One'), ('queue all', 'Queue All'), ('cancel previous', 'Cancel Previous'), ('allow', 'Allow')], db_default='skip', default='skip')),
                ('catch_up_seconds', models.FloatField(db_default=3600.0, default=3600.0)),
                ('jitter_seconds', models.FloatField(db_default=0.0, default=0.0)),
                ('pause_on_failure', models.BooleanField(db_default=False, default=False)),
                ('declared', models.JSONField(blank=True, null=True)),
                ('removed', models.BooleanField(db_default=False, default=False)),
                ('paused_at', models.DateTimeField(blank=True, null=True)),
                ('paused_by', models.TextField(blank=True, db_default='', default='')),
                ('pause_note', models.TextField(blank=True, db_default='', default='')),
                ('done_until', models.DateTimeField()),
                ('next_tick', models.DateTimeField(blank=True, null=True)),
                ('next_at', models.DateTimeField(blank=True, null=True)),
                ('last_tick', models.DateTimeField(blank=True, null=True)),
                ('last_run_id', models.UUIDField(blank=True, null=True)),
                ('open_runs', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), blank=True, db_default=[], default=list, size=None)),
                ('waiting', django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), blank=True, db_default=[], default=list, size=None)),
                ('started', models.PositiveBigIntegerField(db_default=0, default=0)),
                ('skipped', models.PositiveBigIntegerField(db_default=0, default=0)),
                ('missed', models.PositiveBigIntegerField(db_default=0, default=0)),
                ('problem', models.TextField(blank=True, db_default='', default='')),
                ('created_at', models.DateTimeField(db_default=workflows.models.clock.ClockTimestamp())),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('paused_at__isnull', True), ('removed', False)), fields=['next_at'], name='schedule_due_idx')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('at__isnull', False), ('cron', ''), ('every_seconds', None)), models.Q(('at', None), ('cron', ''), ('every_seconds__isnull', False)), models.Q(models.Q(('cron', ''), _negated=True), ('at', None), ('every_seconds', None)), _connector='OR'), name='schedule_one_timing')],
            },
        ),
    ]
