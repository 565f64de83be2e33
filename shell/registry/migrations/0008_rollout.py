import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("registry", "0007_token_audit_changes_pages"),
    ]

    operations = [
        migrations.CreateModel(
            name="Rollout",
            fields=[
                ("fragment", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("share", models.IntegerField()),
                ("promotes", models.BooleanField(default=False)),
                ("held_back", models.CharField(blank=True, max_length=300)),
                ("since", models.DateTimeField()),
                ("actor", models.CharField(max_length=150)),
                ("release", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="registry.release")),
            ],
        ),
        migrations.CreateModel(
            name="Superseded",
            fields=[
                (
                    "release",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        serialize=False,
                        to="registry.release",
                    ),
                ),
                ("at", models.DateTimeField()),
            ],
        ),
    ]
