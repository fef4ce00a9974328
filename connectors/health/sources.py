"""The department and what it lets us ask of its systems."""

from schema.sources import SQL, Department, Limits, Source

health = Department(
    "health", "Health Department, Government of Balochistan", "Secretary Health",
    contact="Provincial Coordinator HMIS, Quetta",
)  # fmt: skip
limits = Limits(timeout_s=5.0, concurrency=8, max_keys=1000, row_budget=100_000)
hmis = Source(
    "hmis", "health", "sql", "HMIS (DHIS2-shaped, PostgreSQL)", SQL, owner="Directorate General Health Services",
    limits=limits, description="Facilities and their monthly figures.", kept_s=600,
)  # fmt: skip
lmis = Source(
    "lmis", "health", "sql", "LMIS (medicine stock)", SQL, owner="Director Medical Stores Depot", limits=limits,
    description="Stock cards of medicines by facility.", kept_s=300,
)  # fmt: skip
hr = Source(
    "hr", "health", "sql", "Health HR (staff register)", SQL, owner="Deputy Secretary Health (Staff)", limits=limits,
    description="Health staff and the posts they fill.", kept_s=600,
)  # fmt: skip
