"""Schools and users in Django's admin."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.utils.translation import gettext_lazy

from webapp.accounts.models import School, User

SCHOOL = (gettext_lazy("School"), {"fields": ["school", "is_school_admin"]})


@admin.register(School)
class SchoolAdmin(admin.ModelAdmin):
    list_display = ["name", "id"]
    search_fields = ["name"]
    readonly_fields = ["id"]


@admin.register(User)
class FirstbellUserAdmin(UserAdmin):
    list_display = ["username", "first_name", "last_name", "school", "is_staff"]
    list_filter = ["school", "is_staff", "is_active"]
    fieldsets = (
        *(UserAdmin.fieldsets or ()),
        SCHOOL,
    )
    add_fieldsets = (
        *UserAdmin.add_fieldsets,
        SCHOOL,
    )
