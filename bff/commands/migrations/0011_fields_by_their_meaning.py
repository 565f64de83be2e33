"""Two fields have names that say what they hold; their columns stay as they are, so an earlier release runs beside this."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commands", "0010_providers")]

    operations = [
        migrations.AlterField("charge", "said", models.CharField(blank=True, db_column="said", max_length=40)),
        migrations.RenameField("charge", "said", "charged"),
        migrations.AlterField("offer", "heard_at", models.DateTimeField(db_column="heard_at")),
        migrations.RenameField("offer", "heard_at", "published_at"),
    ]
