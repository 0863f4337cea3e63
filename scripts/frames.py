"""A recording: pictures, each with the time that it stays, saved as an animated PNG."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

#: How many of the pictures the colours are chosen from.
_SEEN = 12


class Frames:
    """What was recorded so far."""

    def __init__(self, colours: int = 128) -> None:
        self._colours = colours
        self._frames: list[tuple[Image.Image, int]] = []

    def add(self, picture: Image.Image, stays_ms: int) -> None:
        """What is seen now; equal frames become one."""
        if self._frames and picture.tobytes() == self._frames[-1][0].tobytes():
            stays_ms += self._frames.pop()[1]
        self._frames.append((picture, stays_ms))

    def save(self, path: Path, size: tuple[int, int] | None = None) -> None:
        """All of it, shrunk to `size`, of few colours so that it stays small."""
        pictures = [frame for frame, _ in self._frames]
        if size is not None:
            pictures = [frame.resize(size, Image.Resampling.LANCZOS) for frame in pictures]
        # One palette for all: what does not change between frames then costs nothing.
        seen = pictures[:: max(1, len(pictures) // _SEEN)]
        width, height = pictures[0].size
        all_of_them = Image.new("RGB", (width, height * len(seen)))
        for number, picture in enumerate(seen):
            all_of_them.paste(picture, (0, height * number))
        # Of Pillow's ways the one that keeps both greys and the few pixels of a keyword.
        palette = all_of_them.quantize(
            self._colours, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
        )
        first, *others = [
            one.quantize(palette=palette, dither=Image.Dither.NONE) for one in pictures
        ]
        durations = [stays_ms for _, stays_ms in self._frames]
        first.save(path, "PNG", save_all=True, append_images=others, duration=durations, loop=0)
