from django.db import migrations
from django.db.models import OuterRef, Q, Subquery


def name_grants(apps, _editor):
    """Wins and rollbacks belong to the bonus of their bet, and a bet that named none to the one it was staked from."""
    played = apps.get_model("commands", "GameTransaction").objects
    grants = apps.get_model("commands", "Grant").objects
    for bet in played.filter(kind="bet", grant=None, bonus_minor__lt=0).iterator():
        ran = grants.filter(player=bet.player_id, receipt__at__lte=bet.at)
        ran = ran.filter(Q(decided_at=None) | Q(decided_at__gt=bet.at)).order_by("pk").first()
        if ran is not None:
            played.filter(pk=bet.pk).update(grant=ran)
    for kind in ("win", "rollback"):
        of = played.filter(provider=OuterRef("provider"), transaction_uuid=OuterRef("reference_uuid"))
        played.filter(kind=kind, grant=None).update(grant=Subquery(of.values("grant")[:1]))


class Migration(migrations.Migration):

    dependencies = [
        ('commands', '0004_rebuild'),
    ]

    operations = [
        migrations.RunPython(name_grants, migrations.RunPython.noop),
    ]
