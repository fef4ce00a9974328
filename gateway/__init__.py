"""The gateway: one GraphQL endpoint over the departments' own systems."""
