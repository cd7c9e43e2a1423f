"""Compares Parquet files (second argument, a pattern) with the JSON lines of the same events (first argument), both
as DuckDB reads them. Prints how many events there are."""

import json
import sys

import duckdb

lines, pattern = sys.argv[1:]
records = [json.loads(line) for line in open(lines, encoding="utf-8")]
rows = duckdb.sql(f"select * from read_parquet('{pattern}') order by event_seq")
names = rows.columns
# What JSON's columns are named by the rule: the member, with `_` for the dots.
SPECIAL = {"timestamp", "timestamp_ns", "record"}


def flat(value, name, found):
    for key, inner in value.items():
        path = f"{name}_{key}" if name else key
        if isinstance(inner, dict):
            flat(inner, path, found)
        else:
            found[path] = inner
    return found


# Nothing is lost: the whole line is there.
rows_by_name = [dict(zip(names, row)) for row in rows.fetchall()]
assert len(rows_by_name) == len(records), (len(rows_by_name), len(records))
for row, record in zip(rows_by_name, records):
    assert json.loads(row["record"]) == record, (row["record"], record)
    members = flat(record, "", {})
    for name in names:
        if name not in SPECIAL:
            wanted = members.get(name)
            if isinstance(row[name], int) and isinstance(wanted, str):
                wanted = int(wanted)
            assert row[name] == wanted, (name, row[name], wanted)
    second, fraction = record["timestamp"].removesuffix("Z").split(".")
    assert str(row["timestamp_ns"]).endswith(fraction), record["timestamp"]

# What DuckDB itself reads out of the lines is the same, and moments agree to the microsecond that it has of text.
json_view = f"read_json('{lines}', format='newline_delimited', maximum_depth=-1, sample_size=-1)"
differences = duckdb.sql(f"""
    select count(*) from {json_view} l join read_parquet('{pattern}') p on l.event.seq = p.event_seq
    where abs(epoch_us(l.timestamp::timestamptz) * 1000 - p.timestamp_ns) > 1000
       or abs(epoch_us(p.timestamp::timestamptz) * 1000 - p.timestamp_ns) > 1000
       or l.event.name <> p.event_name or l.process.pid <> p.process_pid or l.syscall.name <> p.syscall_name
       or l.syscall.duration_ns <> p.syscall_duration_ns or l.container.id <> p.container_id
""").fetchall()[0][0]
assert differences == 0, differences
print(len(records))
