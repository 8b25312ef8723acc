# SPDX-License-Identifier: Apache-2.0
"""More hosts than a configuration file may hold: rows of core's database, copied from the first host's. core must be away meanwhile."""

import json
import sqlite3


def fill(database, hosts):
    """A host for each dict: what it has of its own, at least name and mac."""
    db = sqlite3.connect(database)
    rows = db.execute("SELECT * FROM hosts")
    columns = [c[0] for c in rows.description]
    row = dict(zip(columns, rows.fetchone()))
    first = {**json.loads(row["host"]), "configured": False}

    def copies():
        for host in hosts:
            values = {**row, "name": host["name"], "host": json.dumps({**first, **host})}
            yield [values[c] for c in columns]
    db.executemany(f"INSERT INTO hosts VALUES({','.join('?' * len(columns))})", copies())
    db.commit()
    db.close()
