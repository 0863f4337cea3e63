"""What the librarian reads in the morning."""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path

from library.books import Book, Shelf
from library.lending import Desk


def read_shelf(path: Path) -> Shelf:
    """Read the books from a JSON file."""
    shelf = Shelf()
    with path.open(encoding="utf-8") as file:
        for row in json.load(file):
            shelf.add(Book(row["isbn"], row["title"], row["author"], row["copies"]))
    return shelf


def write_shelf(shelf: Shelf, path: Path) -> None:
    """Write the books to a JSON file."""
    rows = [
        {"isbn": book.isbn, "title": book.title, "author": book.author, "copies": book.copies}
        for book in shelf
    ]
    with path.open("w", encoding="utf-8") as file:
        json.dump(rows, file, indent=2)


def overdue_lines(desk: Desk, today: date) -> list[str]:
    """Return a line for each loan that is overdue."""
    lines = []
    for loan in desk.overdue(today):
        days = (today - loan.due).days
        lines.append(f"{loan.member.name}: {loan.book.title}, {days} days late")
    return lines


def main() -> None:
    """Print how many books there are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shelf", type=Path, help="a JSON file with books")
    parser.add_argument("--author", help="only the books of this author")
    args = parser.parse_args()
    shelf = read_shelf(args.shelf)
    books = shelf.by_author(args.author) if args.author else list(shelf)
    for book in books:
        print(f"{book.isbn}  {book.title} ({book.author})")
    print(f"{len(books)} books")


if __name__ == "__main__":
    main()
