"""Addresses below /api/v1/, without trailing slashes."""

from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView

from webapp.accounts.views import SessionView
from webapp.lessons.views import ImportView, LessonListView, LessonView
from webapp.media.views import MediaView
from webapp.teaching.views import BoardLessonView, TeachingListView, TeachingView

urlpatterns = [
    path("session", SessionView.as_view()),
    path("lessons", LessonListView.as_view()),
    path("lessons/<str:lesson_id>", LessonView.as_view()),
    path("imports/<str:import_id>", ImportView.as_view()),
    path("media/<str:name>", MediaView.as_view()),
    path("teachings", TeachingListView.as_view()),
    path("teachings/<str:teaching_id>", TeachingView.as_view()),
    path("teachings/<str:teaching_id>/lessons/<str:lesson_id>", BoardLessonView.as_view()),
    path("schema", SpectacularJSONAPIView.as_view()),
]
