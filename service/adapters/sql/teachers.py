"""Teachers in SQL."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from service.adapters.sql import datasets, tables
from service.adapters.sql.checks import SqlChecks
from service.adapters.sql.database import Database
from service.adapters.sql.rows import columns, listing
from service.domain.errors import NotFound
from service.domain.jobs import TERMINAL
from service.domain.ports import Listing, Page
from service.domain.ports.teachers import EVERY_TEACHER, TeacherFilter
from service.domain.teachers import Teacher, in_use

_teachers, _jobs = tables.teachers, tables.jobs


class SqlTeachers(SqlChecks[Teacher]):
    """The port Teachers."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, _teachers, Teacher, "teacher", waiting="probing")

    def list(self, page: Page, where: TeacherFilter = EVERY_TEACHER) -> Listing[Teacher]:
        wanted = {name: value for name, value in columns(where).items() if value is not None}
        with self._database.read() as connection:
            query = sa.select(_teachers).filter_by(**wanted)
            return listing(connection, query, _teachers.c.id, page, self._record, after=page.after)

    def delete(self, teacher_id: str) -> None:
        with self._database.write() as connection:
            self._get(connection, teacher_id, lock=True)  # a job that is being submitted waits for this lock, or has it
            going = sa.select(_jobs.c.id).where(_jobs.c.teacher_id == teacher_id, _jobs.c.status.not_in(TERMINAL))
            job_id = connection.scalar(going.order_by(_jobs.c.id).limit(1))
            if job_id is not None:
                raise in_use(teacher_id, job_id)
            connection.execute(sa.delete(_teachers).where(_teachers.c.id == teacher_id))

    def _require_known(self, connection: Connection, record: Teacher) -> None:
        datasets.require(connection, record.dataset_id)


def require(connection: Connection, teacher_id: str) -> None:
    """Raise NotFound unless a teacher is there, and keep it there until the transaction ends."""
    query = sa.select(_teachers.c.id).where(_teachers.c.id == teacher_id).with_for_update(read=True)
    if connection.scalar(query) is None:
        raise NotFound.of("teacher", teacher_id)
