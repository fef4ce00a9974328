"""The department and what it lets us ask of its systems."""

from schema.sources import SQL, Capabilities, Department, Limits, Source

labour = Department(
    "labour", "Labour and Manpower Department, Government of Balochistan", "Secretary, Labour and Manpower",
    contact="Directorate of Manpower Training, Quetta",
)  # fmt: skip
tevta = Source(
    "tevta", "labour", "sql", "B-TEVTA (register of trainees)", SQL, owner="Director, B-TEVTA",
    limits=Limits(timeout_s=5.0, concurrency=4, max_keys=500, row_budget=50_000),
    description="Centres, trades and who was trained.",
)  # fmt: skip
bessi = Source(
    "bessi", "labour", "rest", "Social security verification (BESSI, EOBI)",
    Capabilities(list_all=False, columns={"cnic": frozenset({"eq", "in"})}, key_columns=frozenset({"cnic"})),
    owner="Commissioner, Social Security",
    # It verifies up to a hundred people a call, and answers 429 to who asks faster than it likes.
    limits=Limits(timeout_s=20.0, concurrency=2, max_keys=100, max_calls_per_operation=50, retries=1),
    description="Whether and since when an employer pays for somebody. It verifies; it lists nobody.",
)  # fmt: skip
