"""What every operation of the OpenAPI schema has in common: the error shape and the positions."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers


class ErrorSerializer(serializers.Serializer):
    code = serializers.CharField(help_text="Stable word for programs.")
    message = serializers.CharField(help_text="Sentence for people.")
    fields = serializers.DictField(help_text="What is wrong, by field.")


POSITION = OpenApiParameter(
    "Firstbell-Position",
    str,
    OpenApiParameter.HEADER,
    description="The newest position this client was told. A host that is behind it answers 409.",
)
ERRORS = {
    "400": "The request cannot be used.",
    "401": "Nobody is signed in.",
    "403": "Not allowed, or the CSRF token is missing.",
    "404": "Not there, or not yours.",
    "409": "This host is behind the position sent (code `behind`): ask another host.",
    "503": "This host cannot reach its database: ask another host.",
}


class FirstbellSchema(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        return [POSITION]

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation:
            component = self.resolve_serializer(ErrorSerializer(), "response")
            for status, description in ERRORS.items():
                operation["responses"].setdefault(
                    status,
                    {
                        "description": description,
                        "content": {"application/json": {"schema": component.ref}},
                    },
                )
        return operation
