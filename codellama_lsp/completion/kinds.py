"""Documents that are no source files: messages of commits, which want one line and no comments."""

from __future__ import annotations

from codellama_lsp.completion.types import DocumentSnapshot

#: Text for people, by the language ids of editors: a line is finished, never a paragraph written.
PROSE = frozenset(
    """git-commit gitcommit git-rebase gitrebase hgcommit jjdescription jj-commit scminput svn
    plaintext text""".split()
)

#: The same by the names that Git, Mercurial, Subversion and Jujutsu give to what they have edited.
_MESSAGES = frozenset(
    """COMMIT_EDITMSG MERGE_MSG SQUASH_MSG TAG_EDITMSG NOTES_EDITMSG EDIT_DESCRIPTION
    git-rebase-todo""".split()
)
_COMMENTED = frozenset("git-commit gitcommit git-rebase gitrebase hgcommit".split())


def is_prose(document: DocumentSnapshot) -> bool:
    """Whether only the line at the cursor should be finished."""
    return document.language_id in PROSE or _name(document) in _MESSAGES


def in_dropped_comment(document: DocumentSnapshot, offset: int) -> bool:
    """Whether the cursor stands in a line of a message that does not become part of it."""
    if document.language_id not in _COMMENTED and _name(document) not in _MESSAGES:
        return False
    start = document.text.rfind("\n", 0, offset) + 1
    return document.text.startswith("#", start, offset)


def _name(document: DocumentSnapshot) -> str:
    return document.uri.rpartition("/")[2]
