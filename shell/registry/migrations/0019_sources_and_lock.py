from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0018_warm_up")]

    operations = [
        migrations.AddField(model_name="release", name="sources", field=models.JSONField(null=True)),
        migrations.CreateModel(
            name="ChangeLock",
            fields=[("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))],
        ),
    ]
