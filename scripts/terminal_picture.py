"""Draws what a terminal shows, colours and all, as a picture."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont
from rich.ansi import AnsiDecoder
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme

#: Neovim's own colours, so that pictures of other programs match.
BACKGROUND, FOREGROUND = (20, 22, 27), (224, 226, 234)
DIM = (128, 134, 148)
_BRIGHT = [(255, 192, 185), (179, 246, 192), (252, 224, 148), (166, 219, 255), (255, 202, 255)]
_LIGHT = [*_BRIGHT, (140, 248, 247), (238, 241, 248)]
THEME = TerminalTheme(BACKGROUND, FOREGROUND, [(7, 8, 13), *_LIGHT], [(79, 82, 88), *_LIGHT])

#: Pixels of a cell, and of the space around the screen. The font's advance is 0.602 of its size.
WIDTH, HEIGHT, FONT_SIZE, MARGIN = 12, 25, 20, 14

Colour = tuple[int, int, int]


class Painter:
    """Draws screens with DejaVu Sans Mono (Debian: fonts-dejavu-core)."""

    def __init__(self) -> None:
        try:
            self._plain = ImageFont.truetype("DejaVuSansMono.ttf", FONT_SIZE)
            self._bold = ImageFont.truetype("DejaVuSansMono-Bold.ttf", FONT_SIZE)
        except OSError as error:
            raise SystemExit("DejaVu Sans Mono is missing (Debian: fonts-dejavu-core)") from error
        self._console = Console(color_system="truecolor", width=400)

    def paint(
        self,
        screen: str,
        columns: int,
        *,
        cursor: tuple[int, int] | None = None,
        bar: bool = False,
        caption: str | None = None,
    ) -> Image.Image:
        """The lines of `screen`; the cursor as a bar or a block; a caption in two lines below."""
        lines = list(AnsiDecoder().decode(screen.rstrip("\n")))
        rows = len(lines) + (0 if caption is None else 2)
        size = (columns * WIDTH + 2 * MARGIN, rows * HEIGHT + 2 * MARGIN)
        picture = Image.new("RGB", size, BACKGROUND)
        draw = ImageDraw.Draw(picture)
        for row, line in enumerate(lines):
            column = 0
            for segment in line.render(self._console):
                style = segment.style or Style()
                for character in segment.text.rstrip("\n"):
                    self._cell(draw, column, row, character, style)
                    column += 1
        if cursor is not None:
            left, top = MARGIN + cursor[0] * WIDTH, MARGIN + cursor[1] * HEIGHT
            box = (left, top, left + (2 if bar else WIDTH), top + HEIGHT - 1)
            if bar:
                draw.rectangle(box, fill=FOREGROUND)
            else:
                draw.rectangle(box, outline=FOREGROUND, width=2)
        if caption:
            place = (MARGIN, MARGIN + (len(lines) + 1) * HEIGHT - HEIGHT // 4)
            draw.text(place, caption, font=self._bold, fill=THEME.ansi_colors[3])
        return picture

    def _cell(
        self, draw: ImageDraw.ImageDraw, column: int, row: int, character: str, style: Style
    ) -> None:
        front = _colour(style.color, foreground=True)
        back = _colour(style.bgcolor, foreground=False)
        if style.reverse:
            front, back = back, front
        left, top = MARGIN + column * WIDTH, MARGIN + row * HEIGHT
        if back != BACKGROUND:
            draw.rectangle((left, top, left + WIDTH - 1, top + HEIGHT - 1), fill=back)
        if character.strip():
            font = self._bold if style.bold else self._plain
            draw.text((left, top), character, font=font, fill=DIM if style.dim else front)


def _colour(colour: Color | None, *, foreground: bool) -> Colour:
    if colour is None:
        return FOREGROUND if foreground else BACKGROUND
    return tuple(colour.get_truecolor(THEME, foreground=foreground))
