from django.core.management.base import CommandError
from django.db import migrations, models
from django.db.models.functions import Lower


def refuse_shared_addresses(apps, editor):
    """Say whose they are, instead of naming an index that can't be built."""
    users = (
        apps.get_model("accounts", "User").objects.exclude(email="").annotate(low=Lower("email"))
    )
    shared = users.values("low").annotate(n=models.Count("id")).filter(n__gt=1).values("low")
    if found := sorted(users.filter(low__in=shared).values_list("low", "username")):
        raise CommandError(
            "accounts that share an e-mail address: "
            + "; ".join(f"{username} ({address})" for address, username in found)
            + ". Give each its own, or none, in the admin; then migrate again"
        )


class Migration(migrations.Migration):
    lint_ignore = {
        "ADD_UNIQUE": "before the first release; a node with two such accounts shows the change in `clusterctl parked`"
        " and takes it when one of them has another address",
        "DATA_WITH_SCHEMA": "rows are only read",
    }
    dependencies = [
        ("accounts", "0003_passkeys"),
    ]

    operations = [
        migrations.RunPython(refuse_shared_addresses, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                Lower("email"),
                condition=models.Q(("email", ""), _negated=True),
                name="accounts_user_one_email",
                violation_error_message="There is an account with this address.",
            ),
        ),
    ]
