"""The addresses this application answers; /livez and /readyz are answered by health.middleware."""

from django.contrib import admin
from django.urls import include, path

admin.site.site_header = "Firstbell"
admin.site.site_title = "Firstbell"

urlpatterns = [
    path("api/v1/", include("webapp.api.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "webapp.api.handlers.bad_request"
handler403 = "webapp.api.handlers.forbidden"
handler404 = "webapp.api.handlers.not_found"
handler500 = "webapp.api.handlers.server_error"
