"""The department whose source is the others."""

from schema.sources import Capabilities, Department, Source

province = Department(
    "province", "Planning and Development Department, Government of Balochistan",
    "Additional Chief Secretary, Planning and Development", contact="Chief Economist, Quetta",
)  # fmt: skip
records = Source(
    "records", "province", "derived", "Records of the other departments",
    Capabilities(key_columns=frozenset()), owner="Chief Economist, Planning and Development",
    description="Nothing is kept here: each request is worked out from the departments' systems.",
)  # fmt: skip
