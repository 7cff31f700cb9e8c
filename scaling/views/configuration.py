"""What an operator decides about the fleet."""

from typing import ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.response import Response

from controlplane.workspaces.requests import WorkspaceRequest
from scaling.selectors.pool import get_sound_configuration, read_pool
from scaling.serializers.configuration import (
    ConfigurationChangeSerializer,
    ConfigurationSerializer,
    represent_configuration,
)
from scaling.services.configuration import change_configuration, check_changes
from tasks_app.serializers.problems import problems
from tasks_app.views.base import FormView

_EXAMPLES = [
    OpenApiExample("Other limits", value={"minWorkers": 2, "maxWorkers": 20}, request_only=True),
    OpenApiExample(
        "Back to the environment's value", value={"maxWorkers": None}, request_only=True
    ),
]


class ConfigurationView(FormView):
    """The configuration."""

    required_roles: ClassVar = {"POST": "admin"}
    forms: ClassVar = {"POST": ConfigurationChangeSerializer}

    @extend_schema(
        tags=["auto-scaling"],
        operation_id="scaling_config_retrieve",
        responses={200: ConfigurationSerializer, **problems(409)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """The values in force, and where each comes from. 409 when what was changed no longer fits
        the environment; it says what to change."""
        pool = read_pool()
        get_sound_configuration(pool)
        return Response(represent_configuration(pool))

    @extend_schema(
        tags=["auto-scaling"],
        operation_id="scaling_config_change",
        request=ConfigurationChangeSerializer,
        examples=_EXAMPLES,
        responses={200: ConfigurationSerializer, **problems(422)},
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """Change some values, for the whole installation; null puts one back to that of the
        environment. The loop takes them up within about a second. Role admin."""
        pool = change_configuration(
            self.validated(ConfigurationChangeSerializer, check=check_changes),
            workspace_id=request.workspace.id,
            actor=request.actor,
        )
        return Response(represent_configuration(pool))
