"""The department and what it lets us ask of its systems."""

from schema.sources import FILES, SQL, Capabilities, Department, Limits, Source

education = Department(
    "education", "Secondary Education Department, Government of Balochistan", "Secretary, Secondary Education",
    contact="Director EMIS, Quetta",
)  # fmt: skip
emis = Source(
    "emis", "education", "sql", "EMIS (OpenEMIS-shaped, MariaDB)", SQL, owner="Director EMIS",
    # EMIS counts its 1.1 million pupils in four to six seconds, on busy cores in twice that.
    limits=Limits(
        timeout_s=5.0, totals_timeout_s=20.0, totals_memory_mb=32, concurrency=8, max_keys=1000, row_budget=100_000
    ),
    description="Schools, posts, teachers and pupils as the districts enter them.", kept_s=600,
)  # fmt: skip
rtsm = Source(
    "rtsm", "education", "rest", "RTSM (school visits from tablets)",
    Capabilities(
        normalisers=frozenset({"upper_trim"}),
        columns={"school_code": frozenset({"eq", "in"}), "visit_id": frozenset({"eq", "in"}),
                 "staff_ref": frozenset({"eq", "in"}), "visit_ts": frozenset({"gte", "lt"}),
                 "synced_ts": frozenset({"gte"})},
        key_columns=frozenset({"school_code", "visit_id", "staff_ref"}),
    ),
    owner="Project Director, Real-Time School Monitoring",
    # A month of the whole province: 20,000 visits and 150,000 marks, in pages of 500 and for 100 visits a call. RTSM
    # answers such a question in half a minute, four calls at a time, beside its tablets.
    limits=Limits(
        timeout_s=40.0, concurrency=4, max_keys=1000, row_budget=200_000, max_calls_per_operation=800, retries=1
    ),
    description="Visits of monitors; sent late and sometimes twice. No visit means unknown, never absent.", kept_s=300,
)  # fmt: skip
board = Source(
    "board", "education", "drop", "Exam board result files (CSV)", FILES, owner="Controller of Examinations",
    # Keys are looked for here, in lines that were read already: the files are gone through once for all of them.
    limits=Limits(max_keys=50_000),
    description="One file a year, dropped by the board.", refresh="yearly", kept_s=3600,
)  # fmt: skip
