"""The errors of expressions and templates."""


class ExpressionError(ValueError):
    """An expression that cannot be compiled or evaluated.

    `column` counts characters from 1 in the text that was given, over all its lines. `path` is the
    place of that text in its template, such as `customer.names[0]`; empty for a bare expression.
    """

    def __init__(self, message: str, column: int = 1, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.path = path


class TemplateError(ValueError):
    """A template that cannot be rendered. `path` and `column` as in ExpressionError."""

    def __init__(self, path: str, column: int, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.column = column
        self.message = message


class BudgetSpentError(Exception):
    """The next evaluation may cost more than is left. It has not begun."""
