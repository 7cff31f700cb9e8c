"""Expressions and templates of workflow definitions: CEL, bounded in time and memory.

Nothing here knows tables or tasks. The names below are what other packages use.
"""

from workflows.language.errors import BudgetSpentError, ExpressionError, TemplateError
from workflows.language.expressions import Budget, Expression, Scope, compile_expression
from workflows.language.templates import Template, compile_template

__all__ = [
    "Budget",
    "BudgetSpentError",
    "Expression",
    "ExpressionError",
    "Scope",
    "Template",
    "TemplateError",
    "compile_expression",
    "compile_template",
]
