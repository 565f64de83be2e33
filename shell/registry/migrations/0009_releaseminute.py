from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("registry", "0008_rollout"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReleaseMinute",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("minute", models.DateTimeField()),
                ("total", models.IntegerField(default=0)),
                ("failed", models.IntegerField(default=0)),
                ("degraded", models.IntegerField(default=0)),
                ("latencies", models.JSONField(default=list)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("digest", "minute"), name="one_count_a_release_and_minute")
                ],
            },
        ),
    ]
