"""What LiteLLM's database client must get from a query engine. Runs in the image; test_prisma_engine.py reads it.

Each function is one obligation and gets a connected client and a prefix for what it makes. The last line of the output
is JSON: each function's name, and what was wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import os
import sys
import traceback
import uuid
from datetime import UTC, timedelta
from pathlib import Path

import prisma.errors as errors
from boot.database import Database
from prisma import Base64, Json, Prisma

WEIRD = 'q"\\ \n\t\x01 ü 😀 {}[]() # $x'
LEAP_DAY = datetime.datetime(2024, 2, 29, 23, 59, 59, 123000, tzinfo=UTC)
DOCUMENT = {"a": [1, 2.5, None, True, WEIRD], "$type": "x"}
EXTREMES = {
    "max_budget": 1e-7,
    "soft_budget": 1e22,
    "max_parallel_requests": -(2**31),
    "tpm_limit": 2**63 - 1,
    "rpm_limit": -(2**63),
    "budget_reset_at": LEAP_DAY,
    "allowed_models": ["a", WEIRD, ""],
    "created_by": WEIRD,
}


OBLIGATIONS = []


def obligation(function):
    """Keep a function to be tried."""
    OBLIGATIONS.append(function)
    return function


async def budget(db: Prisma, key: str, **values: object):
    """Make a row of a table with a column of each common type."""
    return await db.litellm_budgettable.create(
        data={"budget_id": key, "created_by": key, "updated_by": key, **values},
    )


async def refused(error: type[Exception], call) -> Exception:
    """Return the error that a call ends with; it must be of this class, and of no other."""
    try:
        await call
    except errors.PrismaError as found:
        assert type(found) is error, f"{type(found).__name__}: {found}"
        return found
    raise AssertionError(f"no {error.__name__}")


# --- values -------------------------------------------------------------------------------------------------------


@obligation
async def extreme_values_come_back_as_they_went_in(db: Prisma, key: str) -> None:
    made = await budget(db, key, model_max_budget=Json(DOCUMENT), **EXTREMES)
    read = await db.litellm_budgettable.find_unique(where={"budget_id": key})
    for row in (made, read):
        assert {name: getattr(row, name) for name in EXTREMES} == EXTREMES
        assert row.model_max_budget == DOCUMENT
        assert row.temp_budget_expiry is None


@obligation
async def any_json_is_kept_also_a_text_that_looks_like_a_null_of_prismas(db: Prisma, key: str) -> None:
    await budget(db, key)
    for value in (None, [], 1, "x", "just a string", {"k": "DbNull"}, "JsonNull", {"$type": "Json", "value": "1"}):
        row = await db.litellm_budgettable.update(where={"budget_id": key}, data={"model_max_budget": Json(value)})
        assert row.model_max_budget == value, (value, row.model_max_budget)


@obligation
async def bytes_are_kept(db: Prisma, key: str) -> None:
    blob = bytes(range(256))
    made = await db.litellm_skillstable.create(
        data={"display_title": key, "file_content": Base64.encode(blob), "metadata": Json({"m": key})}
    )
    read = await db.litellm_skillstable.find_first(where={"metadata": {"equals": Json({"m": key})}})
    assert made.file_content.decode() == read.file_content.decode() == blob


@obligation
async def enums_are_kept_and_filtered_by(db: Prisma, key: str) -> None:
    made = await db.litellm_cronjob.create(data={"pod_id": key, "ttl": LEAP_DAY, "status": "ACTIVE"})
    assert made.status == "ACTIVE"
    assert await db.litellm_cronjob.count(where={"status": "ACTIVE", "pod_id": key}) == 1


@obligation
async def three_megabytes_of_json_are_written_and_read(db: Prisma, key: str) -> None:
    big = {"x": "y" * 3_000_000}
    row = await budget(db, key, model_max_budget=Json(big))
    assert row.model_max_budget == big


# --- one row ------------------------------------------------------------------------------------------------------


@obligation
async def what_is_not_there_is_none(db: Prisma, key: str) -> None:
    nowhere = {"budget_id": key}
    assert await db.litellm_budgettable.find_unique(where=nowhere) is None
    assert await db.litellm_budgettable.update(where=nowhere, data={"max_budget": 1}) is None
    assert await db.litellm_budgettable.delete(where=nowhere) is None


@obligation
async def a_row_is_found_by_each_type_of_its_columns(db: Prisma, key: str) -> None:
    await budget(db, key, **EXTREMES | {"created_by": WEIRD + key})
    found = await db.litellm_budgettable.find_first(
        where={
            "budget_reset_at": {"gte": LEAP_DAY, "lt": LEAP_DAY + timedelta(milliseconds=1)},
            "tpm_limit": 2**63 - 1,
            "created_by": {"contains": "ü 😀", "endswith": key},
            "allowed_models": {"has": WEIRD},
        }
    )
    assert found.budget_id == key


@obligation
async def numbers_are_counted_up_and_lists_are_added_to(db: Prisma, key: str) -> None:
    await budget(db, key, **EXTREMES)
    row = await db.litellm_budgettable.update(
        where={"budget_id": key},
        data={
            "max_budget": {"increment": 1.5},
            "tpm_limit": {"decrement": 7},
            "allowed_models": {"push": ["z"]},
            "budget_reset_at": None,
        },
    )
    assert (row.tpm_limit, row.allowed_models[-1], row.budget_reset_at) == (2**63 - 8, "z", None)
    assert abs(row.max_budget - 1.5000001) < 1e-12


@obligation
async def an_upsert_creates_and_then_updates(db: Prisma, key: str) -> None:
    create = {"budget_id": key, "created_by": key, "updated_by": "first", "model_max_budget": Json({"c": 1})}
    update = {"updated_by": "second", "model_max_budget": Json({"u": 1})}
    seen = []
    for _ in range(2):
        row = await db.litellm_budgettable.upsert(where={"budget_id": key}, data={"create": create, "update": update})
        seen.append((row.updated_by, row.model_max_budget))
    assert seen == [("first", {"c": 1}), ("second", {"u": 1})]


# --- many rows ----------------------------------------------------------------------------------------------------


async def ten(db: Prisma, key: str) -> None:
    await db.litellm_budgettable.create_many(
        data=[
            {
                "budget_id": f"{key}-{i}",
                "created_by": key,
                "updated_by": key,
                "max_budget": float(i),
                "model_max_budget": Json({"i": i}),
            }
            for i in range(10)
        ]
    )


@obligation
async def rows_that_are_there_are_skipped_where_that_is_wanted(db: Prisma, key: str) -> None:
    await budget(db, f"{key}-0")
    rows = [{"budget_id": f"{key}-{i}", "created_by": key, "updated_by": key} for i in range(3)]
    assert await db.litellm_budgettable.create_many(data=rows, skip_duplicates=True) == 2


@obligation
async def rows_are_filtered_ordered_and_cut(db: Prisma, key: str) -> None:
    await ten(db, key)
    rows = await db.litellm_budgettable.find_many(
        where={
            "created_by": key,
            "OR": [{"max_budget": {"gt": 5}}, {"max_budget": {"in": [3.0]}}],
            "NOT": [{"budget_id": f"{key}-9"}],
        },
        order=[{"max_budget": "desc"}],
        take=3,
        skip=1,
    )
    assert [row.max_budget for row in rows] == [7, 6, 3]


@obligation
async def a_cursor_goes_on_where_it_stands(db: Prisma, key: str) -> None:
    await ten(db, key)
    rows = await db.litellm_budgettable.find_many(
        where={"created_by": key}, order={"max_budget": "asc"}, cursor={"budget_id": f"{key}-6"}, take=2
    )
    assert [row.max_budget for row in rows] == [6, 7]


@obligation
async def json_is_filtered_as_a_whole_and_by_path(db: Prisma, key: str) -> None:
    await ten(db, key)
    for condition in ({"path": ["i"], "equals": Json(4)}, {"equals": Json({"i": 4})}):
        rows = await db.litellm_budgettable.find_many(where={"created_by": key, "model_max_budget": condition})
        assert [row.budget_id for row in rows] == [f"{key}-4"]


@obligation
async def texts_are_compared_without_case_where_that_is_wanted(db: Prisma, key: str) -> None:
    await ten(db, key)
    condition = {"equals": key.upper(), "mode": "insensitive"}
    assert len(await db.litellm_budgettable.find_many(where={"created_by": condition})) == 10


@obligation
async def groups_have_sums_means_and_extremes(db: Prisma, key: str) -> None:
    await ten(db, key)
    told = {name: {"max_budget": True} for name in ("sum", "avg", "min", "max")}
    (group,) = await db.litellm_budgettable.group_by(
        by=["created_by"], where={"created_by": key}, count={"_all": True}, **told
    )
    assert {name: group[f"_{name}"]["max_budget"] for name in told} == {"sum": 45, "avg": 4.5, "min": 0, "max": 9}
    assert group["_count"] == {"_all": 10}


@obligation
async def many_rows_are_updated_counted_and_deleted_at_once(db: Prisma, key: str) -> None:
    await ten(db, key)
    mine = {"created_by": key}
    assert await db.litellm_budgettable.update_many(where=mine, data={"tpm_limit": 5}) == 10
    assert await db.litellm_budgettable.count(where=mine | {"tpm_limit": 5}) == 10
    assert await db.litellm_budgettable.delete_many(where=mine) == 10


@obligation
async def five_thousand_rows_go_in_and_out_in_one_call(db: Prisma, key: str) -> None:
    names = [f"{key}-{i}" for i in range(5000)]
    rows = [{"budget_id": name, "created_by": key, "updated_by": key, "model_max_budget": Json([1])} for name in names]
    assert await db.litellm_budgettable.create_many(data=rows) == 5000
    assert await db.litellm_budgettable.delete_many(where={"budget_id": {"in": names}}) == 5000


# --- relations ----------------------------------------------------------------------------------------------------


def step(number: int, **values: object) -> dict[str, object]:
    return {"event_type": "e", "step_name": "s", "sequence_number": number, **values}


async def run_of_two(db: Prisma, key: str):
    steps = [step(1, data=Json({"d": key})), step(2, data=Json([2]))]
    return await db.litellm_workflowrun.create(
        data={"workflow_type": key, "input": Json({"x": 1}), "events": {"create": steps}},
        include={"events": {"order_by": {"sequence_number": "desc"}, "where": {"sequence_number": {"gte": 1}}}},
    )


@obligation
async def a_row_is_created_with_others_below_it(db: Prisma, key: str) -> None:
    run = await run_of_two(db, key)
    assert [event.data for event in run.events] == [[2], {"d": key}]


@obligation
async def rows_below_one_are_updated_and_added_with_it(db: Prisma, key: str) -> None:
    run = await run_of_two(db, key)
    change = {"where": {"event_id": run.events[0].event_id}, "data": {"data": Json({"new": 1})}}
    run = await db.litellm_workflowrun.update(
        where={"run_id": run.run_id},
        data={"events": {"update": [change], "create": [step(3)]}},
        include={"events": True, "messages": True},
    )
    told = {event.sequence_number: event.data for event in run.events}
    assert (told, run.messages) == ({1: {"d": key}, 2: {"new": 1}, 3: None}, [])


@obligation
async def a_row_is_found_by_two_columns_with_what_is_above_it(db: Prisma, key: str) -> None:
    run = await run_of_two(db, key)
    event = await db.litellm_workflowevent.find_unique(
        where={"run_id_sequence_number": {"run_id": run.run_id, "sequence_number": 2}},
        include={"run": {"include": {"events": True}}},
    )
    assert (event.run.input, len(event.run.events)) == ({"x": 1}, 2)


@obligation
async def rows_are_filtered_by_json_below_them(db: Prisma, key: str) -> None:
    run = await run_of_two(db, key)
    found = await db.litellm_workflowrun.find_many(where={"events": {"some": {"data": {"equals": Json({"d": key})}}}})
    assert [row.run_id for row in found] == [run.run_id]


# --- errors: the client chooses the class by the engine's code ------------------------------------------------------


@obligation
async def errors_are_of_the_class_that_the_native_engines_codes_give(db: Prisma, key: str) -> None:
    run = await run_of_two(db, key)
    event = db.litellm_workflowevent
    twice = event.create(data=step(2, run_id=run.run_id))
    assert "run_id" in str(await refused(errors.UniqueViolationError, twice))
    orphan = event.create(data=step(2, run_id="nowhere"))
    assert "run_id_fkey" in str(await refused(errors.ForeignKeyViolationError, orphan))
    await refused(errors.ForeignKeyViolationError, db.litellm_workflowrun.delete(where={"run_id": run.run_id}))
    await refused(errors.MissingRequiredValueError, event.create(data={"event_type": "e"}))
    await refused(errors.FieldNotFoundError, event.find_first(where={"no_field": 1}))
    await refused(errors.RecordNotFoundError, event.find_unique_or_raise(where={"event_id": key}))
    await refused(errors.RecordNotFoundError, event.find_first_or_raise(where={"event_id": key}))
    lonely = step(9, run={"connect": {"run_id": "nowhere"}})
    await refused(errors.RecordNotFoundError, event.create(data=lonely))
    await budget(db, key)
    wrong = db.litellm_budgettable.update(where={"budget_id": key}, data={"max_budget": "abc"})
    await refused(errors.DataError, wrong)


@obligation
async def errors_of_raw_sql_have_the_databases_words(db: Prisma, key: str) -> None:
    assert "syntax error" in str(await refused(errors.RawQueryError, db.query_raw("selec 1")))
    await budget(db, key)
    insert = 'INSERT INTO "LiteLLM_BudgetTable" (budget_id, created_by, updated_by) VALUES ($1, $1, $1)'
    assert "duplicate key" in str(await refused(errors.RawQueryError, db.execute_raw(insert, key)))


# --- raw SQL ------------------------------------------------------------------------------------------------------


@obligation
async def raw_sql_reads_and_writes_typed_values(db: Prisma, key: str) -> None:
    await budget(db, key)
    update = (
        'UPDATE "LiteLLM_BudgetTable" SET tpm_limit = $1, model_max_budget = $2::jsonb,'
        " budget_reset_at = $3::timestamp, allowed_models = $4::text[] WHERE budget_id = $5"
    )
    given = (12345678901234, '{"r": 1}', "2024-01-02T03:04:05.678Z", ["p", "q"], key)
    assert await db.execute_raw(update, *given) == 1
    select = 'SELECT * FROM "LiteLLM_BudgetTable" WHERE budget_id = $1'
    row = await db.query_first(select, key, model=type(await db.litellm_budgettable.find_first()))
    expected = datetime.datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert (row.tpm_limit, row.allowed_models) == (12345678901234, ["p", "q"])
    assert (row.model_max_budget, row.budget_reset_at) == ({"r": 1}, expected)


@obligation
async def raw_sql_returns_columns_of_every_type(db: Prisma, key: str) -> None:
    columns = {
        "$1::int": (1, 1),
        "$2::float8": (2.5, 2.5),
        "$3::bool": (True, True),
        "$4::text": (None, None),
        "1::oid": ((), 1),
        "12345678901234567::bigint": ((), 12345678901234567),
        "12.5::numeric": ((), 12.5),
        "'x'::name": ((), "x"),
        "ARRAY['a']::name[]": ((), ["a"]),
        "interval '1 day 2 hours'": ((), "1 day 02:00:00"),
        "'pg_class'::regclass": ((), "pg_class"),
        "pg_advisory_xact_lock(1)": ((), ""),
        "'2024-01-01 00:00:00+09'::timestamptz": ((), "2023-12-31T15:00:00+00:00"),
        "'10:00'::time": ((), "10:00:00"),
        "'{\"a\": [1]}'::json": ((), {"a": [1]}),
        "'\"s\"'::jsonb": ((), "s"),
        "ARRAY[1.5]::float8[]": ((), [1.5]),
        "ARRAY['{\"a\": 1}']::jsonb[]": ((), [{"a": 1}]),
        "NULL::int[]": ((), None),
        "ARRAY[NULL, 'x']": ((), [None, "x"]),
        "(SELECT count(*) FROM pg_class WHERE relname = 'pg_class')": ((), 1),
    }
    given = [value for value, _ in columns.values() if value != ()]
    selected = ", ".join(f"{expression} AS c{i}" for i, expression in enumerate(columns))
    (row,) = await db.query_raw(f"SELECT {selected}", *given)
    told = {expression: row[f"c{i}"] for i, expression in enumerate(columns)}
    assert told == {expression: expected for expression, (_, expected) in columns.items()}


# --- transactions and batches -------------------------------------------------------------------------------------


@obligation
async def a_transaction_is_seen_by_others_when_it_is_committed(db: Prisma, key: str) -> None:
    async with db.tx() as tx:
        await budget(tx, key)
        assert await db.litellm_budgettable.find_unique(where={"budget_id": key}) is None
        assert await tx.execute_raw('UPDATE "LiteLLM_BudgetTable" SET max_budget = 3 WHERE budget_id = $1', key) == 1
    assert (await db.litellm_budgettable.find_unique(where={"budget_id": key})).max_budget == 3


@obligation
async def an_exception_rolls_a_transaction_back(db: Prisma, key: str) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async with db.tx() as tx:
            await budget(tx, key)
            raise ZeroDivisionError
    assert await db.litellm_budgettable.find_unique(where={"budget_id": key}) is None


@obligation
async def a_transaction_ends_after_its_time(db: Prisma, key: str) -> None:
    tx = await db.tx(timeout=timedelta(milliseconds=100)).start()
    with contextlib.suppress(errors.PrismaError):
        while True:
            await tx.query_raw("SELECT pg_sleep(0.02)")
    found = await refused(errors.TransactionError, tx.query_raw("SELECT 1 AS a"))
    # "already closed", or of one that ended in the middle of a query: "refers to an old closed transaction".
    assert "closed" in str(found), str(found)


@obligation
async def a_transaction_that_gets_no_connection_in_time_is_told_so(db: Prisma, key: str) -> None:
    taken = [db.tx(timeout=timedelta(seconds=30)) for _ in range(10)]  # the whole pool
    for transaction in taken:
        await transaction.start()
    found = await refused(errors.TransactionError, db.tx(max_wait=timedelta(milliseconds=50)).start())
    assert "Unable to start a transaction in the given time" in str(found)
    for transaction in taken:
        await transaction.rollback()
    await budget(db, key)


@obligation
async def a_batch_is_all_or_nothing(db: Prisma, key: str) -> None:
    await budget(db, key, max_budget=1.0)
    async with db.batch_() as batch:
        batch.litellm_budgettable.update(where={"budget_id": key}, data={"max_budget": 2.0})
        batch.execute_raw('UPDATE "LiteLLM_BudgetTable" SET soft_budget = 4 WHERE budget_id = $1', key)
    with contextlib.suppress(errors.UniqueViolationError):
        async with db.batch_() as batch:
            batch.litellm_budgettable.update(where={"budget_id": key}, data={"max_budget": 77.0})
            batch.litellm_budgettable.create(data={"budget_id": key, "created_by": key, "updated_by": key})
    row = await db.litellm_budgettable.find_unique(where={"budget_id": key})
    assert (row.max_budget, row.soft_budget) == (2, 4)


@obligation
async def a_batch_belongs_to_the_transaction_that_it_is_made_in(db: Prisma, key: str) -> None:
    await budget(db, key)
    with contextlib.suppress(ZeroDivisionError):
        async with db.tx() as tx:
            async with tx.batch_() as batch:
                batch.litellm_budgettable.update_many(where={"budget_id": key}, data={"max_budget": 10.0})
            raise ZeroDivisionError
    assert (await db.litellm_budgettable.find_unique(where={"budget_id": key})).max_budget is None


@obligation
async def twice_as_many_transactions_as_connections_end_rightly(db: Prisma, key: str) -> None:
    await budget(db, key, soft_budget=0.0)

    async def count_up() -> None:
        async with db.tx(max_wait=timedelta(seconds=30)) as tx:
            await tx.execute_raw(
                'UPDATE "LiteLLM_BudgetTable" SET soft_budget = soft_budget + 1 WHERE budget_id = $1', key
            )

    await asyncio.gather(*(count_up() for _ in range(20)))
    assert (await db.litellm_budgettable.find_unique(where={"budget_id": key})).soft_budget == 20


@obligation
async def a_hundred_questions_at_once_get_their_own_answers(db: Prisma, key: str) -> None:
    await db.litellm_budgettable.create_many(
        data=[{"budget_id": f"{key}-{i}", "created_by": str(i), "updated_by": key} for i in range(100)]
    )
    rows = await asyncio.gather(
        *(db.litellm_budgettable.find_unique(where={"budget_id": f"{key}-{i}"}) for i in range(100))
    )
    assert [row.created_by for row in rows] == [str(i) for i in range(100)]


async def main() -> None:
    """Try them all, one after the other."""
    os.environ.update(json.loads(Path("/run/secrets/litellm.json").read_text()))
    os.environ["DATABASE_URL"] = Database.from_environment().url({})
    told = {}
    async with Prisma(connect_timeout=timedelta(seconds=30)) as db:
        for obligation in OBLIGATIONS:
            try:
                await obligation(db, f"t-{uuid.uuid4().hex[:12]}")
                told[obligation.__name__] = ""
            except Exception:
                told[obligation.__name__] = traceback.format_exc(limit=-3)
    print(json.dumps(told))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
