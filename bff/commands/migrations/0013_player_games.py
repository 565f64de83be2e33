"""Favourites and recently played games; a table of its own, so an earlier release runs beside this."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commands", "0012_partitions")]

    operations = [
        migrations.CreateModel(
            name="PlayerGame",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("game_id", models.CharField(max_length=100)),
                ("favourite_at", models.DateTimeField(null=True)),
                ("launched_at", models.DateTimeField(null=True)),
                (
                    "player",
                    models.ForeignKey(
                        on_delete=models.deletion.PROTECT, related_name="games", to="commands.player"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="playergame",
            constraint=models.UniqueConstraint(fields=("player", "game_id"), name="player_game"),
        ),
    ]
