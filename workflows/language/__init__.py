"""Expressions and templates of workflow definitions: CEL, bounded in time and memory.

This package does not use tables or tasks. Other packages use the names below.
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
