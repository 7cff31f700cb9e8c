"""The base of the payloads of the shipped processors."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Payload(BaseModel):
    """A payload: camelCase in JSON like the rest of the API, unknown fields refused.

    Values are left out of error messages, since a payload may hold a secret.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        defer_build=True,  # most commands check no payload
    )
