from django.db import migrations, models

import shell.registry.environment


class Migration(migrations.Migration):
    dependencies = [("registry", "0019_sources_and_lock")]

    operations = [
        migrations.AddField(
            model_name=model,
            name="environment",
            field=models.CharField(
                blank=True, db_default="", default=shell.registry.environment.this_environment, max_length=31
            ),
        )
        for model in ("auditentry", "token")
    ] + [
        migrations.AddField(
            model_name="release",
            name="content",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
    ]
