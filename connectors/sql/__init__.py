"""SQL sources: statements by SQLAlchemy Core, compiled once a shape, run on each driver's fastest road."""

from __future__ import annotations

from connectors.address import Address
from schema.changelog import ChangeLog
from schema.fetch import Connector
from schema.sources import Source

__all__ = ["open_log", "open_sql"]


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


def open_log(source: Source, address: Address) -> ChangeLog:
    """What reads the log of a database whose owner allows it. Raises ValueError for one that has none we can read, and
    for an address that does not say what is needed. Connects to nothing."""
    assert address.log is not None
    scheme = address.url.partition(":")[0].partition("+")[0]
    match scheme:
        case "postgresql" | "postgres":
            from connectors.sql.postgres_log import PostgresLog

            if not address.log.publication:
                raise ValueError(f"source {source.name}: log needs publication, the name its owner gave it")
            return PostgresLog(source, address)
        case "mariadb" | "mysql":
            from connectors.sql.mariadb_log import MariaLog

            if not 0 < address.log.server_id < 2**32:
                raise ValueError(f"source {source.name}: log needs server_id, a number no replica of the server has")
            return MariaLog(source, address)
    raise ValueError(f"source {source.name}: no log is read of {scheme!r}; leave [sources.{source.name}.log] out")
