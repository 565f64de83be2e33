from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("registry", "0006_registration_follow"),
    ]

    operations = [
        migrations.CreateModel(
            name="Token",
            fields=[
                ("prefix", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("digest", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=64)),
                ("fragment", models.CharField(db_index=True, max_length=100)),
                ("purpose", models.CharField(max_length=16)),
                ("made_by", models.CharField(max_length=150)),
                ("made_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="auditentry",
            name="changes_pages",
            field=models.BooleanField(db_default=True, default=True),
        ),
    ]
