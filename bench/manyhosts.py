# SPDX-License-Identifier: Apache-2.0
"""More hosts than a configuration file may hold (4,096): rows of core's database, copied from the first host's. core must be away meanwhile."""

import json
import sqlite3


def fill(database, numbers, changes):
    """A host for each of the numbers; changes(i): what it has of its own, at least name and mac."""
    db = sqlite3.connect(database)
    rows = db.execute("SELECT * FROM hosts")
    columns = [c[0] for c in rows.description]
    row = dict(zip(columns, rows.fetchone()))
    host = json.loads(row["host"])

    def copies():
        for i in numbers:
            host.update(configured=False, **changes(i))
            yield [host["name"] if c == "name" else json.dumps(host) if c == "host" else row[c] for c in columns]
    db.executemany(f"INSERT INTO hosts VALUES({','.join('?' * len(columns))})", copies())
    db.commit()
    db.close()
