"""Who accessed which field, and whether the chain of entries that says so is whole."""

import datetime as dt

from connectors.oversight.sources import ledger
from schema.classification import confidential, restricted
from schema.declare import column, record
from schema.scalars import Long

KEPT = "as long as the ledger is kept; no entry is ever removed"


@record(ledger, "accesses", key="id", plural="accesses", persons=True, size=1_000_000, retention=KEPT)
class Access:
    """An access to one field in one request: what was asked for, by whom, and how it was answered. The question
    itself is an access from the next question on."""

    id: str = column("id", restricted, description="The entry's number, how, and the coordinate: it orders by entry.")
    entry: Long | None = column("entry", restricted, description="Number of the ledger's entry, as in X-Ledger-Entry.")
    at: dt.datetime | None = column("at", restricted, description="When it was asked.")
    coordinate: str | None = column("coordinate", restricted, noted=True, description="The field, e.g. Student.bForm.", distinct=500)  # fmt: skip  # noqa: E501
    department: str | None = column("department", restricted, description="Whose the field is.", distinct=6)
    owner: str | None = column("owner", restricted, description="Who answered for the field when the entry was written.", distinct=30)  # fmt: skip  # noqa: E501
    how: str | None = column("how", restricted, description="SHOWN, MASKED, USED (rows were chosen, ordered, grouped or measured by it), REFUSED or DONE (what a department was made to do).", distinct=5)  # fmt: skip  # noqa: E501
    uses: str | None = column("uses", restricted, description="What it was used for: filter, order, group, measure, derive.")  # fmt: skip  # noqa: E501
    code: str | None = column("code", restricted, description="Why it was refused, as clients were told.", distinct=5)
    rows: int | None = column("rows", restricted, description="Rows of the field's record that went into the answer; 0 where it was refused.")  # fmt: skip  # noqa: E501
    rules: str | None = column("rules", restricted, description="The rules by which it was shown, masked or done.")
    outcome: str | None = column("outcome", restricted, description="How the request ended: ok, late and others.", distinct=8)  # fmt: skip  # noqa: E501
    who: str | None = column("who", confidential, personal=True, description="Whom the credential names; anonymous.")
    office: str | None = column("office", confidential, description="In which office.")
    roles: str | None = column("roles", confidential, description="In which roles.", distinct=12)
    on_behalf_of: str | None = column("on_behalf_of", confidential, personal=True, description="For whom it was asked.")
    purpose: str | None = column("purpose", confidential, description="For what stated purpose.", distinct=12)
    case: str | None = column("case", confidential, description="Under which case.")
    request_id: str | None = column("request_id", confidential, description="X-Request-Id.")
    operation_hash: str | None = column("operation_hash", confidential, description="Of the form of the question: the same for all who asked it with other values.")  # fmt: skip  # noqa: E501


@record(ledger, "chain", key="name", plural="ledgers", size=1, retention=KEPT)
class Ledger:
    """The chain of entries, and what can be proven of it."""

    name: str = column("name", restricted, description="gateway: there is one.")
    entries: Long | None = column("entries", restricted, description="How many there are.")
    intact: bool | None = column("intact", restricted, description="Whether every entry up to verifiedUpTo is as it was written, and none whose head was signed is gone; null while the first walk along the chain is under way.")  # fmt: skip  # noqa: E501
    bad_entry: Long | None = column("bad_entry", restricted, description="The first entry that is not as it was written.")  # fmt: skip  # noqa: E501
    verified_up_to: Long | None = column("verified_up_to", restricted, description="How many entries were walked.")
    verified_at: dt.datetime | None = column("verified_at", restricted, description="When that walk began: what was changed after it may not have been seen.")  # fmt: skip  # noqa: E501
    last_hash: str | None = column("last_hash", restricted, description="Hash of the entry verifiedUpTo.")
    head_signed: Long | None = column("head_signed", restricted, description="The highest number of entries a head was signed for; null without a head file.")  # fmt: skip  # noqa: E501
    proven_up_to: Long | None = column("proven_up_to", restricted, description="The highest entry that a signed head was found to cover; null without a head file.")  # fmt: skip  # noqa: E501
    message: str | None = column("message", restricted, description="The same in a sentence.")


records = (Access, Ledger)
