"""The task types of the demo, so that its pages offer what those of a real installation do:
`TASKPLANE_PROCESSORS=scripts.demo.types`. None of them does any work."""

from typing import Any

from pydantic import BaseModel, Field

from tasks_app.processors.registry import processor
from tasks_app.processors.retry import RetryPolicy

_PATIENT = RetryPolicy(strategy="exponential", base_ms=20_000, max_ms=600_000, jitter=0.1)
_RUNBOOKS = "https://runbooks.example/"


class Order(BaseModel):
    """An order of a merchant."""

    order: int = Field(ge=1, description="Number of the order.")
    merchant: str = Field(description="Identifier of the merchant.")
    amount: str = Field(pattern=r"^\d+\.\d\d$", description="Amount in euros, such as 19.90.")


@processor(
    "charge-card",
    payload=Order,
    retry=_PATIENT,
    timeout_seconds=60,
    queue="billing",
    title="Charge a card",
    owner="payments team",
    runbook=_RUNBOOKS + "charge-card",
)
def charge_card(ctx: Any, payload: Order) -> None:
    """Charge the card of an order by the gateway of its region."""


@processor(
    "render-report",
    payload=Order,
    retry=_PATIENT,
    timeout_seconds=600,
    queue="reports",
    title="Monthly report",
    owner="reporting team",
    runbook=_RUNBOOKS + "render-report",
)
def render_report(ctx: Any, payload: Order) -> None:
    """Render the monthly report of a merchant."""


@processor(
    "send-email",
    payload=Order,
    retry=_PATIENT,
    timeout_seconds=60,
    queue="email",
    title="Receipt by e-mail",
    owner="messaging team",
    runbook=_RUNBOOKS + "send-email",
)
def send_email(ctx: Any, payload: Order) -> None:
    """Send the receipt of an order."""


@processor(
    "http-webhook",
    payload=Order,
    retry=_PATIENT,
    timeout_seconds=60,
    queue="webhooks",
    title="Merchant's webhook",
    owner="integrations team",
    runbook=_RUNBOOKS + "http-webhook",
)
def http_webhook(ctx: Any, payload: Order) -> None:
    """Tell a merchant's server about an order."""


@processor(
    "issue-invoice",
    retry=_PATIENT,
    timeout_seconds=60,
    title="Invoice",
    owner="payments team",
    runbook=_RUNBOOKS + "issue-invoice",
)
def issue_invoice(ctx: Any, payload: Any) -> None:
    """Write the invoice of an order."""


@processor(
    "import-catalog",
    retry=_PATIENT,
    timeout_seconds=600,
    title="Catalogue of a merchant",
    owner="integrations team",
    runbook=_RUNBOOKS + "import-catalog",
)
def import_catalog(ctx: Any, payload: Any) -> None:
    """Read the catalogue of a merchant."""


@processor(
    "transcode-video",
    payload=Order,
    retry=_PATIENT,
    timeout_seconds=3_600,
    queue="media",
    title="Transcode a clip",
    owner="media team",
    runbook=_RUNBOOKS + "transcode-video",
)
def transcode_video(ctx: Any, payload: Order) -> None:
    """Transcode a clip into the formats of the shop."""


@processor(
    "resize-image",
    payload=Order,
    retry=_PATIENT,
    timeout_seconds=60,
    queue="thumbnails",
    title="Small pictures",
    owner="media team",
    runbook=_RUNBOOKS + "resize-image",
)
def resize_image(ctx: Any, payload: Order) -> None:
    """Make the small pictures of a product."""


@processor(
    "scan-upload",
    payload=Order,
    retry=_PATIENT,
    timeout_seconds=60,
    queue="uploads",
    title="Virus scan of an upload",
    owner="trust and safety",
    runbook=_RUNBOOKS + "scan-upload",
)
def scan_upload(ctx: Any, payload: Order) -> None:
    """Look for viruses in what a customer uploads."""
