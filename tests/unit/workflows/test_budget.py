"""What is left of a budget is looked at before each expression."""

import pytest

from workflows.language import (
    Budget,
    BudgetSpentError,
    Scope,
    compile_expression,
    compile_template,
)

SCOPE = Scope(input={"l": list(range(100))})
COSTLY = "input.l.map(x, x + x).size()"  # 16 bytes for each element of each copy


def test_a_template_stops_before_the_expression_that_costs_too_much() -> None:
    template = compile_template([f"{{{{ {COSTLY} }}}}"] * 10)
    assert template.render(SCOPE, Budget(10_000_000, 10)) == [100] * 10
    budget = Budget(500_000, 10)
    with pytest.raises(BudgetSpentError):
        template.render(SCOPE, budget)
    assert 0 < budget.work < 170_000  # three of them were done


def test_one_that_costs_too_much_alone_does_not_begin() -> None:
    budget = Budget(100_000, 10)
    with pytest.raises(BudgetSpentError):
        compile_expression(COSTLY).evaluate(SCOPE, budget)
    assert budget.work == 100_000
    assert compile_expression("input.l[5]").evaluate(SCOPE, budget) == 5


def test_nothing_runs_when_the_time_is_used_up() -> None:
    with pytest.raises(BudgetSpentError):
        compile_expression("1 + 1").evaluate(SCOPE, Budget(100_000, 0))
    budget = Budget(100_000, 10)
    compile_expression("1 + 1").evaluate(SCOPE, budget)
    assert budget.seconds < 10


def test_an_error_is_not_hidden_by_a_budget() -> None:
    with pytest.raises(ValueError, match="Divided by zero"):
        compile_expression("1 / 0").evaluate(SCOPE, Budget(100_000, 10))
