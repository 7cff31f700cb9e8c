"""What is wrong with a definition, collected so that all of it can be told at once."""

from controlplane.core.errors import FieldError, Invalid

MOST = 100


class Problems:
    """Field errors, up to 100."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def add(self, field: str, message: str) -> None:
        """One more, unless there are enough."""
        if len(self.errors) < MOST:
            self.errors.append({"field": field, "message": message})

    @property
    def is_full(self) -> bool:
        """Whether more will not be kept."""
        return len(self.errors) >= MOST

    def raise_if_any(self) -> None:
        """Raises Invalid with all of them."""
        if self.errors:
            raise Invalid(errors=self.errors)
