from django.db import migrations

from bff.commands.ledger.append_only import close_ways_round, open_ways_round


class Migration(migrations.Migration):

    dependencies = [
        ('commands', '0006_denied_bets'),
    ]

    operations = [
        migrations.RunPython(close_ways_round, open_ways_round),
    ]
