from django.db import migrations

from bff.commands.ledger.append_only import protect_against_bypass, unprotect_against_bypass


class Migration(migrations.Migration):

    dependencies = [
        ('commands', '0006_denied_bets'),
    ]

    operations = [
        migrations.RunPython(protect_against_bypass, unprotect_against_bypass),
    ]
