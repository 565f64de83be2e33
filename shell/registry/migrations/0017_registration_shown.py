from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0016_script_errors")]

    operations = [
        migrations.AddField(model_name="registration", name="frames", field=models.JSONField(default=list)),
        migrations.AddField(model_name="registration", name="pictures", field=models.JSONField(default=list)),
    ]
