"""Who has borrowed what, and until when."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import date, timedelta

from library.books import Book, Shelf

logger = logging.getLogger(__name__)

LOAN_DAYS = 28


class NotAvailableError(Exception):
    """Every copy of a book is lent."""


@dataclass
class Member:
    """Somebody who may borrow books."""

    name: str
    email: str
    limit: int = 5


@dataclass
class Loan:
    """A book in the hands of a member."""

    book: Book
    member: Member
    due: date

    def is_overdue(self, today: date) -> bool:
        """Tell whether the book should be back by now."""
        return today > self.due


@dataclass
class Desk:
    """The desk where books are lent and given back."""

    shelf: Shelf
    loans: list[Loan] = field(default_factory=list)

    def loans_of(self, member: Member) -> list[Loan]:
        """Return what a member has borrowed."""
        return [loan for loan in self.loans if loan.member is member]

    def lend(self, isbn: str, member: Member, today: date) -> Loan:
        """Lend a book to a member."""
        book = self.shelf.find(isbn)
        if book is None:
            raise KeyError(isbn)
        lent = [loan for loan in self.loans if loan.book is book]
        if len(lent) >= book.copies:
            raise NotAvailableError(book.title)
        if len(self.loans_of(member)) >= member.limit:
            raise ValueError(f"{member.name} has borrowed {member.limit} books already")
        loan = Loan(book, member, today + timedelta(days=LOAN_DAYS))
        self.loans.append(loan)
        logger.info("lent %s to %s", book.isbn, member.name)
        return loan

    def give_back(self, loan: Loan) -> None:
        """Take a book back."""
        self.loans.remove(loan)
        logger.info("got %s back from %s", loan.book.isbn, loan.member.name)

    def overdue(self, today: date) -> list[Loan]:
        """Return the loans that are overdue, the oldest first."""
        late = [loan for loan in self.loans if loan.is_overdue(today)]
        return sorted(late, key=lambda loan: loan.due)
