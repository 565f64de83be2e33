"""Rows of the outbox say which partition they go to. An earlier release writes NULL, which a relay of this one fills."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("commands", "0013_player_games")]

    operations = [
        migrations.AddField(
            model_name="outboxrow",
            name="partition_key",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddIndex(
            model_name="outboxrow",
            index=models.Index(
                fields=["id"],
                condition=Q(partition_key__isnull=True, published_at__isnull=True),
                name="outbox_unkeyed",
            ),
        ),
    ]
