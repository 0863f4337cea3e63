"""The workspace, read ahead: cut into definitions, kept in a database, asked about a cursor."""
