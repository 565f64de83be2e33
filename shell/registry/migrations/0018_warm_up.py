from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0017_registration_shown")]

    operations = [
        migrations.CreateModel(
            name="WarmUp",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("fragment", models.CharField(db_index=True, max_length=100)),
                ("at", models.DateTimeField(db_index=True)),
                ("environments", models.IntegerField()),
                ("minutes_before", models.IntegerField()),
                ("why", models.CharField(blank=True, max_length=200)),
                ("actor", models.CharField(max_length=150)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("fragment", "at"), name="one_warm_up_a_moment")]
            },
        ),
    ]
