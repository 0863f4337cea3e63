"""Books and the shelf that they stand on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Book:
    """A book with its copies."""

    isbn: str
    title: str
    author: str
    copies: int = 1

    def __post_init__(self) -> None:
        if self.copies < 0:
            raise ValueError(f"copies must not be negative: {self.copies}")


@dataclass
class Shelf:
    """Books by their ISBN."""

    books: dict[str, Book] = field(default_factory=dict)

    def add(self, book: Book) -> None:
        """Put a book on the shelf; more copies of a known one are added up."""
        known = self.books.get(book.isbn)
        if known is None:
            self.books[book.isbn] = book
        else:
            known.copies += book.copies

    def remove(self, isbn: str) -> Book:
        """Take a book off the shelf."""
        if isbn not in self.books:
            raise KeyError(isbn)
        return self.books.pop(isbn)

    def find(self, isbn: str) -> Book | None:
        """Return the book with this ISBN, or None."""
        return self.books.get(isbn)

    def by_author(self, author: str) -> list[Book]:
        """Return the books of an author, by title."""
        found = [book for book in self.books.values() if book.author == author]
        return sorted(found, key=lambda book: book.title)

    def by_title(self, title: str) -> list[Book]:
        """Return the books with a title, by author."""
        found = [book for book in self.books.values() if book.title == title]
        return sorted(found, key=lambda book: book.author)

    def __len__(self) -> int:
        return len(self.books)

    def __iter__(self) -> Iterator[Book]:
        return iter(self.books.values())
