"""Django's sessions in the database, written with durability `local`: `SESSION_ENGINE = "webapp.multimaster.sessions"`.

Losing one means signing in again; waiting for a peer would slow down each request that touches its session.
"""

from django.contrib.sessions.backends import db
from django.db import router

from webapp.multimaster.durability import durability


class SessionStore(db.SessionStore):
    def save(self, must_create=False):
        with self._local():
            super().save(must_create)

    def delete(self, session_key=None):
        with self._local():
            super().delete(session_key)

    def _local(self) -> durability:
        return durability("local", using=router.db_for_write(self.model))
