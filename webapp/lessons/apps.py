"""Lessons, as Django knows it."""

from django.apps import AppConfig


class LessonsConfig(AppConfig):
    name = "webapp.lessons"
