"""What is wrong with a schedule's text."""


class TimingError(ValueError):
    """The text or the zone cannot be used; `field` is `schedule` or `timezone`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
