"""What people lost to a conflict, in Django's admin: listed, compared by column, restored. Superusers only.

Conflicts are those that this host's node has noticed; `clusterctl conflicts` asks all hosts.
"""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from webapp.recovery.models import LostChange
from webapp.recovery.restoring import NotRestored, current_row, restore

SECRET_COLUMNS = {"password"}


@admin.register(LostChange)
class LostChangeAdmin(admin.ModelAdmin):
    list_display = ["lost_at", "what", "table", "key", "lost_by", "lost_node", "won_by", "won_node"]
    list_filter = ["table", "what"]
    search_fields = ["key", "table"]
    show_full_result_count = False

    @admin.display(description=gettext_lazy("lost by"))
    def lost_by(self, lost: LostChange) -> str:
        return person(lost.lost_actor)

    @admin.display(description=gettext_lazy("won by"))
    def won_by(self, lost: LostChange) -> str:
        return person(lost.won_actor)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    has_module_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        lost = LostChange.objects.filter(pk=unquote(object_id)).first()
        if lost is None:
            raise Http404
        if request.method == "POST" and self._restore(request, lost):
            return HttpResponseRedirect(reverse("admin:recovery_lostchange_changelist"))
        now = current_row(lost.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": str(lost),
            "opts": self.opts,
            "lost": lost,
            "columns": _columns(lost, now or {}),
            "present": now is not None,
            "lost_by": person(lost.lost_actor),
            "won_by": person(lost.won_actor),
        }
        return TemplateResponse(request, "recovery/lost_change.html", context)

    def _restore(self, request: HttpRequest, lost: LostChange) -> bool:
        """Whether it is done; the person is told either way."""
        columns, given = chosen(lost, request.POST)
        if not columns and lost.kind != "D":
            messages.error(request, gettext("Choose what to restore."))
            return False
        try:
            written = restore(lost.pk, columns, given, "anyway" in request.POST)
        except NotRestored as error:
            messages.error(request, gettext("Not restored: %(reason)s") % {"reason": error})
            return False
        if not written:
            messages.info(request, gettext("Nothing to do: the row is so already."))
            return True
        LogEntry.objects.create(
            user_id=request.user.pk,
            content_type=ContentType.objects.get_for_model(LostChange),
            object_id=lost.pk,
            object_repr=str(lost)[:200],
            action_flag=CHANGE,
            # Kept for all who read it later, hence in English.
            change_message=f"Restored {', '.join(columns) or 'the delete'} of {lost.table} {lost.key}.",
        )
        messages.success(request, gettext("Restored. The other hosts have it in a moment."))
        return True


def person(actor: str | None) -> str:
    """The user name behind an actor of the change log; an operator's name is an actor itself."""
    try:
        user = get_user_model().objects.filter(pk=uuid.UUID(actor or "")).first()
    except ValueError:
        return actor or gettext("unknown")
    return user.get_username() if user else str(actor)


def chosen(lost: LostChange, form: Any) -> tuple[list[str], dict[str, str | None]]:
    """(ticked columns, values that were typed over the lost ones)."""
    columns = [name for name in sorted(lost.lost or {}) if f"restore:{name}" in form]
    given = {}
    for name in columns:
        before = (lost.lost or {})[name]
        value = form.get(f"value:{name}")
        if value is not None and value != (before or ""):
            given[name] = value
    return columns, given


def _columns(lost: LostChange, now: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for name in sorted(lost.lost or {}):
        values = {
            "lost": (lost.lost or {})[name],
            "won": (lost.won or {}).get(name),
            "now": now.get(name),
        }
        secret = name in SECRET_COLUMNS
        rows.append(
            {
                "name": name,
                "secret": secret,
                "differs": values["lost"] != values["now"],
                **(dict.fromkeys(values, gettext("not shown")) if secret else values),
            }
        )
    return rows
