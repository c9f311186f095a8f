"""Addresses below /api/v1/, without trailing slashes."""

from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView

from webapp.accounts.account_views import (
    InvitationListView,
    InvitationView,
    InvitedAccountView,
    PasswordView,
    ResetAskView,
    ResetView,
    SignInListView,
    SignInView,
)
from webapp.accounts.passkey_views import (
    PasskeyListView,
    PasskeyOptionsView,
    PasskeySignInView,
    PasskeyView,
    SignInOptionsView,
)
from webapp.accounts.views import SessionView
from webapp.lessons.views import (
    ArchiveView,
    ImportView,
    LessonListView,
    LessonView,
    SchoolLessonListView,
    SharingView,
)
from webapp.media.views import MediaView
from webapp.teaching.boards import (
    BoardListView,
    BoardView,
    OwnPairingView,
    PairedBoardView,
    RoomListView,
    RoomView,
)
from webapp.teaching.views import BoardLessonView, TeachingListView, TeachingView

urlpatterns = [
    path("session", SessionView.as_view()),
    path("session/password", PasswordView.as_view()),
    path("session/passkey", PasskeySignInView.as_view()),
    path("session/passkey/options", SignInOptionsView.as_view()),
    path("passkeys", PasskeyListView.as_view()),
    path("passkeys/options", PasskeyOptionsView.as_view()),
    path("passkeys/<str:passkey_id>", PasskeyView.as_view()),
    path("password", ResetView.as_view()),
    path("password-resets/<str:reset_id>", ResetAskView.as_view()),
    path("sign-ins", SignInListView.as_view()),
    path("sign-ins/<str:sign_in_id>", SignInView.as_view()),
    path("invitations", InvitationListView.as_view()),
    path("invitations/<str:invitation_id>", InvitationView.as_view()),
    path("invitations/<str:invitation_id>/account", InvitedAccountView.as_view()),
    path("lessons", LessonListView.as_view()),
    path("lessons/<str:lesson_id>", LessonView.as_view()),
    path("lessons/<str:lesson_id>/sharing", SharingView.as_view()),
    path("lessons/<str:lesson_id>/archive", ArchiveView.as_view()),
    path("school/lessons", SchoolLessonListView.as_view()),
    path("imports/<str:import_id>", ImportView.as_view()),
    path("media/<str:name>", MediaView.as_view()),
    path("teachings", TeachingListView.as_view()),
    path("teachings/<str:teaching_id>", TeachingView.as_view()),
    path("teachings/<str:teaching_id>/lessons/<str:lesson_id>", BoardLessonView.as_view()),
    path("teachings/<str:teaching_id>/boards/<str:pairing_id>", PairedBoardView.as_view()),
    path("boards", BoardListView.as_view()),
    path("boards/<str:board_id>", BoardView.as_view()),
    path("board/pairing", OwnPairingView.as_view()),
    path("board/rooms", RoomListView.as_view()),
    path("board/rooms/<str:room_id>", RoomView.as_view()),
    path("schema", SpectacularJSONAPIView.as_view()),
]
