"""Cases made from real source files: cuts them, plays what a model may say, knows what is right.

`python -m tests.cases.made FOLDER…` prints how many good texts come through unharmed and how many
faulty ones are mended, by language and kind. Nothing of those files is kept.
"""
