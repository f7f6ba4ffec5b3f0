"""One table, for what sessions do with it."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from midday_worker.databases import Database


class Base(DeclarativeBase):
    pass


class Person(Base):
    """A row."""

    __tablename__ = "person"

    name: Mapped[str] = mapped_column(primary_key=True)


async def create_tables(database: Database) -> None:
    """Make the table."""
    async with database.engine().begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
