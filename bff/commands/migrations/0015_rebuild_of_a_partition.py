"""A rebuild may be of the players of one partition. A release before writes NULL, which is all of them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commands", "0014_partition_keys")]

    operations = [
        migrations.AddField(model_name="rebuild", name="partition", field=models.IntegerField(null=True)),
    ]
