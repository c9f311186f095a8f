"""System checks: is the database really a mesh node, and can each model live on it?"""

from django.apps import apps
from django.core.checks import Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, models

from webapp.multimaster.durability import default_level


@register(Tags.models)
def serial_keys_hold_16_nodes(app_configs, **kwargs):
    """Sequences step by 16, so a 16-bit key is used up after 2,047 rows of one node."""
    return [
        Error(
            f"{model._meta.label} has a SmallAutoField key, which a mesh uses up after 2,047 rows",
            hint="use AutoField, BigAutoField or UUIDField",
            obj=model,
            id="multimaster.E001",
        )
        for model in apps.get_models()
        if isinstance(model._meta.pk, models.SmallAutoField)
    ]


@register(Tags.database)
def database_is_a_mesh_node(app_configs, databases=None, **kwargs):
    """The backend without the mesh would lose every schema change for the other nodes."""
    errors = []
    for alias in databases or []:
        connection = connections[alias]
        if not getattr(connection, "on_mesh", False):
            continue
        with connection.cursor() as cursor:
            cursor.execute("select to_regprocedure('mesh.run_ddl(text)') is not null")
            if not cursor.fetchone()[0]:
                errors.append(
                    Error(
                        f"database {alias!r} is not a node of a mesh: it has no mesh.run_ddl()",
                        hint="build the mesh first (`make up`, or clusterctl on a host)",
                        id="multimaster.E002",
                    )
                )
    return errors


@register()
def default_durability_is_a_level(app_configs, **kwargs):
    """Found at start, not at the first write."""
    try:
        default_level()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="multimaster.E003")]
    return []
