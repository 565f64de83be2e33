from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('commands', '0011_fields_by_their_meaning'),
    ]

    operations = [
        migrations.AddField(
            model_name='relaystate',
            name='others',
            field=models.TextField(blank=True, db_default='[]', default='[]'),
        ),
    ]
