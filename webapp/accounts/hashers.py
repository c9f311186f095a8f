"""How passwords are hashed: dear to guess, cheap enough for a class of teachers who sign in at 8:30."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class PasswordHasher(Argon2PasswordHasher):
    """Argon2id with the figures that OWASP's Password Storage Cheat Sheet names first: 19 MiB, two passes, one lane.

    Django's own (100 MiB, eight lanes) would take a small host's memory with a few sign-ins at once. Fixed here,
    so that no release of Django hashes anew what it finds: a new hash signs out a teacher's other devices.
    """

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1
