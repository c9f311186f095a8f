"""`manage.py lint_migrations`: what in a migration can't be done online, or not on a mesh. Asks no database.

Built on the package django-migration-linter, which only this room needs; all else here works without it.
"""
