from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('commands', '0015_rebuild_of_a_partition'),
    ]

    operations = [
        migrations.AddField(
            model_name='relaystate',
            name='epochs',
            field=models.TextField(blank=True, db_default='[]', default='[]'),
        ),
    ]
