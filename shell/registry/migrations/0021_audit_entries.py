from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("registry", "0020_environments")]

    operations = [migrations.AlterModelOptions("auditentry", {"verbose_name_plural": "audit entries"})]
