"""Options as users write them, and settings as the code reads them."""
