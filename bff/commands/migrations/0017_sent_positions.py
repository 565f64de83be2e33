"""The relay's row says how far each partition has gone out. Where it does not yet, the relay finds it in the outbox."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commands", "0016_partition_epochs")]

    operations = [
        migrations.AddField(
            model_name="relaystate",
            name="sent",
            field=models.TextField(blank=True, db_default="[]", default="[]"),
        ),
    ]
