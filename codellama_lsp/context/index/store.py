"""The index in SQLite: files, what they define and import, and a full-text search over it.

One connection; not for several threads. Readers may work while one writer writes (WAL).
Knows no workspace: paths are whatever it was given. Errors are `sqlite3.Error`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs

from codellama_lsp.context.index.cut import FileCut
from codellama_lsp.context.index.definition import Definition, Found
from codellama_lsp.context.index.imports import Import
from codellama_lsp.context.index.resolve import folder_of, stem_of
from codellama_lsp.context.index.words import terms

#: Raised whenever what is stored changes, rules for secrets included: a database of another version
#: is built anew.
SCHEMA_VERSION = 5
_COMMON_FROM = 300
_POPULAR_FROM = 3
IN_MEMORY = ":memory:"

_SCHEMA = """
CREATE TABLE files (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, stem TEXT NOT NULL, folder TEXT NOT NULL,
  language TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, hash BLOB NOT NULL);
CREATE INDEX files_stem ON files (stem);
CREATE INDEX files_folder ON files (folder);
CREATE TABLE definitions (
  id INTEGER PRIMARY KEY, file INTEGER NOT NULL, name TEXT NOT NULL, qualified TEXT NOT NULL,
  kind TEXT NOT NULL, line INTEGER NOT NULL, end_line INTEGER NOT NULL, signature TEXT NOT NULL,
  doc TEXT NOT NULL, skeleton TEXT NOT NULL, body TEXT NOT NULL, bases TEXT NOT NULL);
CREATE INDEX definitions_name ON definitions (name);
CREATE INDEX definitions_any_case ON definitions (lower(name)) WHERE kind = 'class';
CREATE INDEX definitions_file ON definitions (file, name);
CREATE TABLE imports (
  file INTEGER NOT NULL, module TEXT NOT NULL, name TEXT NOT NULL, alias TEXT NOT NULL,
  line INTEGER NOT NULL);
CREATE INDEX imports_file ON imports (file);
CREATE INDEX imports_declared ON imports (module) WHERE name = '=';
CREATE VIRTUAL TABLE search USING fts5 (
  terms, content='', detail='full', tokenize="unicode61 remove_diacritics 0 tokenchars '_'");
CREATE TABLE common (term TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE popular (name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE terms (id INTEGER PRIMARY KEY, terms TEXT NOT NULL);
"""
_COLUMNS = (
    "d.id, f.path, f.language, d.name, d.qualified, d.kind, d.line, d.end_line, d.signature, "
    "d.doc, d.skeleton, d.body, d.bases"
)
_FROM = "FROM definitions d JOIN files f ON f.id = d.file"
#: Of more names than this, those that few others use are not even looked at.
_MOST_RANKED = 600

#: What a name is worth that occurs in so many definitions.
Worth = Callable[[str, int], float]


def _used(name: str, occurrences: int) -> float:
    return occurrences


@attrs.frozen
class FileFacts:
    """What tells a file from what it was."""

    size: int
    mtime_ns: int
    hash: bytes


class Store:
    """One database."""

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        if read_only:
            uri = f"{Path(path).absolute().as_uri()}?mode=ro"
            self._db = sqlite3.connect(uri, uri=True, timeout=1.0, isolation_level=None)
        else:
            self._db = sqlite3.connect(str(path), timeout=5.0, isolation_level=None)
        self._db.execute("PRAGMA cache_size = -16000")
        if not read_only:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")

    @property
    def version(self) -> int:
        """Of the schema; 0 for an empty database."""
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def create(self) -> None:
        """Make the tables of an empty database."""
        self._db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    # Writing

    def begin(self) -> None:
        """Start a transaction; what is put within it is cheaper, and is seen at `commit`."""
        if not self._db.in_transaction:
            self._db.execute("BEGIN")

    def commit(self) -> None:
        """Keep what was written since `begin`."""
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def roll_back(self) -> None:
        """Forget what was written since `begin`."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def known(self) -> dict[str, FileFacts]:
        """All files, by path."""
        rows = self._db.execute("SELECT path, size, mtime_ns, hash FROM files")
        return {path: FileFacts(size, mtime, bytes(digest)) for path, size, mtime, digest in rows}

    def facts(self, path: str) -> FileFacts | None:
        """What is known of one file."""
        row = self._db.execute(
            "SELECT size, mtime_ns, hash FROM files WHERE path = ?", (path,)
        ).fetchone()
        return None if row is None else FileFacts(row[0], row[1], bytes(row[2]))

    def below(self, folder: str) -> list[str]:
        """All files in a folder and its folders."""
        start = folder.rstrip("/") + "/"
        rows = self._db.execute(
            "SELECT path FROM files WHERE path >= ? AND path < ?", (start, start[:-1] + "0")
        )
        return [path for (path,) in rows]

    def is_sound(self) -> bool:
        """Whether what is cheap to check is in order."""
        try:
            self._db.execute("SELECT count(*) FROM definitions").fetchone()
            self._db.execute("SELECT rowid FROM search LIMIT 1").fetchone()
            return True
        except sqlite3.DatabaseError:
            return False

    def touch(self, path: str, facts: FileFacts) -> None:
        """The file was written, and still says the same."""
        self._db.execute(
            "UPDATE files SET size = ?, mtime_ns = ? WHERE path = ?",
            (facts.size, facts.mtime_ns, path),
        )

    def put(self, path: str, language: str, facts: FileFacts, content: FileCut) -> None:
        """Put a file in place of what was known of it."""
        self.remove(path)
        db = self._db
        file = db.execute(
            "INSERT INTO files (path, stem, folder, language, size, mtime_ns, hash) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                path,
                stem_of(path),
                folder_of(path),
                language,
                facts.size,
                facts.mtime_ns,
                facts.hash,
            ),
        ).lastrowid
        db.executemany(
            "INSERT INTO imports VALUES (?, ?, ?, ?, ?)",
            [(file, i.module, i.name, i.alias, i.line) for i in content.imports],
        )
        for d in content.definitions:
            values = (file, d.name, d.qualified, d.kind, d.line, d.end_line, d.signature, d.doc,
                      d.skeleton, d.body, " ".join(d.bases))  # fmt: skip
            row = db.execute(
                "INSERT INTO definitions (file, name, qualified, kind, line, end_line, signature, "
                "doc, skeleton, body, bases) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            ).lastrowid
            words = terms(f"{d.qualified} {d.doc} {d.body or d.skeleton}")
            db.execute("INSERT INTO search (rowid, terms) VALUES (?, ?)", (row, words))
            db.execute("INSERT INTO terms VALUES (?, ?)", (row, words))

    def remove(self, path: str) -> None:
        """Forget a file."""
        db = self._db
        row = db.execute("SELECT id FROM files WHERE path = ?", (path,)).fetchone()
        if row is None:
            return
        ids = "SELECT id FROM definitions WHERE file = ?"
        # The search keeps no texts of its own, so it must be told what to forget.
        db.execute(
            "INSERT INTO search (search, rowid, terms) "
            f"SELECT 'delete', id, terms FROM terms WHERE id IN ({ids})",
            row,
        )
        db.execute(f"DELETE FROM terms WHERE id IN ({ids})", row)
        db.execute("DELETE FROM definitions WHERE file = ?", row)
        db.execute("DELETE FROM imports WHERE file = ?", row)
        db.execute("DELETE FROM files WHERE id = ?", row)

    # Reading

    def count(self) -> tuple[int, int]:
        """Files and definitions."""
        files = self._db.execute("SELECT count(*) FROM files").fetchone()[0]
        return int(files), int(self._db.execute("SELECT count(*) FROM definitions").fetchone()[0])

    @property
    def size(self) -> int:
        """How many definitions were ever put; cheap, and at least what there are."""
        row = self._db.execute("SELECT max(id) FROM definitions").fetchone()
        return int(row[0] or 0)

    def named(self, name: str, most: int = 40) -> list[Found]:
        """Definitions of that name."""
        return self._found(f"SELECT {_COLUMNS} {_FROM} WHERE d.name = ? LIMIT ?", (name, most))

    def classes_in_any_case(self, name: str, most: int = 20) -> list[Found]:
        """Classes whose names in lower case are `name`."""
        return self._found(
            f"SELECT {_COLUMNS} {_FROM} WHERE d.kind = 'class' AND lower(d.name) = ? LIMIT ?",
            (name, most),
        )

    def beginning(self, start: str, most: int = 60) -> list[Found]:
        """Definitions whose names begin so."""
        return self._found(
            f"SELECT {_COLUMNS} {_FROM} WHERE d.name >= ? AND d.name < ? LIMIT ?",
            (start, start + "\U0010ffff", most),
        )

    def in_file(self, path: str, name: str | None = None, most: int = 400) -> list[Found]:
        """What a file defines, in its order; of that name alone if one is given."""
        if name is not None:
            return self._found(
                f"SELECT {_COLUMNS} {_FROM} WHERE f.path = ? AND d.name = ? LIMIT ?",
                (path, name, most),
            )
        return self._found(
            f"SELECT {_COLUMNS} {_FROM} WHERE f.path = ? ORDER BY d.line LIMIT ?", (path, most)
        )

    def imports_of(self, path: str) -> list[Import]:
        """What a file imports."""
        rows = self._db.execute(
            "SELECT i.module, i.name, i.alias, i.line FROM imports i "
            "JOIN files f ON f.id = i.file WHERE f.path = ?",
            (path,),
        )
        return [Import(*row) for row in rows]

    def ranked(
        self,
        paths: Sequence[str],
        *,
        inside: str = "",
        start: str = "",
        worth: Worth = _used,
        most: int = 150,
    ) -> list[tuple[Found, int]]:
        """What files define, one of each name; and in how many other definitions it occurs.

        Counts are rough; of the most used names, those of most `worth` come first. `inside`:
        members of that qualified name; "*": members of anything; else what is no member. `start`:
        of the names.
        """
        where = [f"f.path IN ({','.join('?' * len(paths))})", "d.name != ''"]
        values: list[object] = list(paths)
        if inside not in ("", "*"):
            where.append("d.qualified >= ? AND d.qualified < ?")
            values += [inside + ".", inside + "/"]
        else:
            where.append(f"instr(d.qualified, '.') {'>' if inside else '='} 0")
        if start:
            where.append("d.name >= ? AND d.name < ?")
            values += [start, start + "\U0010ffff"]
        query = (
            f"WITH named AS (SELECT min(d.id) AS id, count(*) AS own, d.name AS name {_FROM} "
            f"WHERE {' AND '.join(where)} GROUP BY d.name) "
            "SELECT named.id, named.name, max(coalesce(p.n, 0) - named.own, 0) FROM named "
            "LEFT JOIN popular p ON p.name = lower(named.name) ORDER BY 3 DESC, named.id LIMIT ?"
        )
        rows = self._db.execute(query, (*values, max(_MOST_RANKED, most))).fetchall()
        rows.sort(key=lambda row: -worth(row[1], row[2]))
        counts = {row[0]: int(row[2]) for row in rows[:most]}
        marks = ",".join("?" * len(counts))
        found = self._found(f"SELECT {_COLUMNS} {_FROM} WHERE d.id IN ({marks})", tuple(counts))
        by_id = {one.id: one for one in found}
        return [(by_id[number], n) for number, n in counts.items()]

    def declaring(self, module: str, most: int = 400) -> list[str]:
        """Paths of files that say they belong to that namespace."""
        query = (
            "SELECT f.path FROM imports i JOIN files f ON f.id = i.file "
            "WHERE i.module = ? AND i.name = '=' LIMIT ?"
        )
        return [path for (path,) in self._db.execute(query, (module, most))]

    def written_in(self, language: str, most: int = 1000) -> list[str]:
        """Paths of files in a language."""
        return self._paths("language", language, most)

    def with_stem(self, stem: str, below: str = "", most: int = 200) -> list[str]:
        """Paths of files with that stem (see `resolve.stem_of`), in a folder and its folders."""
        if not below:
            return self._paths("stem", stem, most)
        query = "SELECT path FROM files WHERE stem = ? AND path >= ? AND path < ? LIMIT ?"
        return [path for (path,) in self._db.execute(query, (stem, below + "/", below + "0", most))]

    def in_folder(self, name: str, most: int = 200) -> list[str]:
        """Paths of files right in folders with that last name, in lower case."""
        return self._paths("folder", name, most)

    def _paths(self, column: str, value: str, most: int) -> list[str]:
        query = f"SELECT path FROM files WHERE {column} = ? LIMIT ?"
        return [path for (path,) in self._db.execute(query, (value, most))]

    def has(self, path: str) -> bool:
        """Whether the file is known."""
        return (
            self._db.execute("SELECT 1 FROM files WHERE path = ?", (path,)).fetchone() is not None
        )

    def frequency(self, words: Iterable[str]) -> dict[str, int]:
        """In how many definitions each word occurs."""
        self._open_vocabulary()
        found: dict[str, int] = {}
        for word in words:
            # Counting a common word means reading all of its places.
            query = "SELECT n FROM common WHERE term = ?"
            row = self._db.execute(query, (word,)).fetchone()
            if row is None:
                query = "SELECT doc FROM temp.vocabulary WHERE term = ?"
                row = self._db.execute(query, (word,)).fetchone()
            if row is not None:
                found[word] = int(row[0])
        return found

    def note_common(self) -> None:
        """Count words once: those in very many definitions for `frequency`, names for `ranked`."""
        self._open_vocabulary()
        self.begin()
        self._db.execute("DELETE FROM common")
        self._db.execute(
            "INSERT INTO common SELECT term, doc FROM temp.vocabulary WHERE doc > ?",
            (_COMMON_FROM,),
        )
        self._db.execute("DELETE FROM popular")
        self._db.execute(
            "INSERT INTO popular SELECT term, doc FROM temp.vocabulary WHERE doc >= ? "
            "AND term IN (SELECT lower(name) FROM definitions)",
            (_POPULAR_FROM,),
        )
        self.commit()

    def _open_vocabulary(self) -> None:
        self._db.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab(main, search, row)"
        )

    def search(self, words: Iterable[str], most: int) -> list[tuple[Found, float]]:
        """Definitions by BM25 over `words`, the best first, higher is better."""
        query = " OR ".join(f'"{word}"' for word in words)
        if not query:
            return []
        hits = self._db.execute(
            "SELECT rowid, -rank FROM search WHERE search MATCH ? ORDER BY rank LIMIT ?",
            (query, most),
        ).fetchall()
        scores = {int(row): float(score) for row, score in hits}
        marks = ",".join("?" * len(scores))
        found = self._found(f"SELECT {_COLUMNS} {_FROM} WHERE d.id IN ({marks})", tuple(scores))
        return sorted(((f, scores[f.id]) for f in found), key=lambda hit: -hit[1])

    def _found(self, query: str, values: tuple[object, ...]) -> list[Found]:
        return [_to_found(row) for row in self._db.execute(query, values)]


def _to_found(row: Sequence[Any]) -> Found:
    number, path, language, *fields, bases = row
    return Found(number, path, language, Definition(*(*fields, tuple(bases.split()))))
