"""SQL sources: statements by SQLAlchemy Core, compiled once a shape, run on each driver's fastest road."""

from __future__ import annotations

from connectors.address import Address
from schema.fetch import Connector
from schema.sources import Source

__all__ = ["open_sql"]


def open_sql(source: Source, address: Address) -> Connector:
    """The connector for the URL's scheme: postgresql, mariadb or mysql, sqlite; oracle and mssql by SQLAlchemy."""
    scheme = address.url.partition(":")[0].partition("+")[0]
    match scheme:
        case "postgresql" | "postgres":
            from connectors.sql.postgres import PostgresConnector

            return PostgresConnector(source, address)
        case "mariadb" | "mysql":
            from connectors.sql.mariadb import MariaConnector

            return MariaConnector(source, address)
        case "sqlite":
            from connectors.sql.sqlite import SqliteConnector

            return SqliteConnector(source, address)
        case "oracle" | "mssql":
            from connectors.sql.generic import GenericConnector

            return GenericConnector(source, address)
    known = "postgresql, mariadb, sqlite, oracle or mssql"
    raise ValueError(f"source {source.name}: no SQL connector for {scheme!r}; use {known}")
