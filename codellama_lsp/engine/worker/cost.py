"""What a request costs, followed while it is evaluated: tokens, and time within llama.cpp."""

from __future__ import annotations

import time

from codellama_lsp.engine.protocol import GenerateResult, Progress, Timings, TokenCounts
from codellama_lsp.engine.worker.context import Context
from codellama_lsp.engine.worker.generate import Spent
from codellama_lsp.engine.worker.prompting import Prompt


class Cost:
    """Of one request, from now on; `ahead` are tokens that were evaluated for it unasked."""

    def __init__(self, context: Context, ahead: int) -> None:
        self._context = context
        self._ahead = ahead
        self._started = self._prepared = self._prefilled = time.perf_counter()
        self._before = self._at_text = _counted(context)
        self._has_text = False
        self._prompt: Prompt
        self._reused = self._fresh = 0
        self.decoding: list[Spent] = []
        """Of each candidate; whoever decodes puts them in."""

    def prepared(self, prompt: Prompt, reused: int) -> None:
        """The prompt is known, and how many of its tokens are in the cache."""
        self._prompt, self._reused = prompt, reused
        self._prepared = self._prefilled = time.perf_counter()

    def prefilled(self, fresh: int) -> float:
        """`fresh` tokens of the prompt were evaluated; the seconds that took."""
        self._fresh = fresh
        self._prefilled = time.perf_counter()
        return self._prefilled - self._prepared

    def text_came(self) -> None:
        """There is something to show."""
        if not self._has_text:
            self._has_text = True
            self._at_text = _counted(self._context)

    def progress(self) -> Progress:
        """What grows from token to token."""
        evaluated, busy_s = self._before
        generated = drafted = accepted = 0
        for spent in self.decoding:
            generated += spent.generated
            drafted += spent.drafted
            accepted += spent.accepted
        return Progress(
            generated,
            drafted,
            accepted,
            self._context.evaluated - evaluated,
            decode=(time.perf_counter() - self._prefilled) * 1000,
            native=(self._context.busy_s - busy_s) * 1000,
        )

    def result(self) -> GenerateResult:
        """All of it by now, without texts; once the prompt was prepared."""
        evaluated, busy_s = self._before
        now, prompt = self.progress(), self._prompt
        at_text = self._at_text if self._has_text else _counted(self._context)
        return GenerateResult(
            candidates=(),
            tokens=TokenCounts(
                prompt=len(prompt.ids),
                reused=self._reused,
                fresh=self._fresh,
                healed=prompt.healed,
                generated=now.generated,
                drafted=now.drafted,
                accepted=now.accepted,
                evaluated=now.evaluated,
                before_text=at_text[0] - evaluated,
                ahead=self._ahead,
                window_tokens=prompt.window_tokens,
                window_chars=prompt.window_chars,
            ),
            ms=Timings(
                prepare=(self._prepared - self._started) * 1000,
                prefill=(self._prefilled - self._prepared) * 1000,
                decode=now.decode,
                native=now.native,
                native_before_text=(at_text[1] - busy_s) * 1000,
            ),
            layout=prompt.layout,
        )


def _counted(context: Context) -> tuple[int, float]:
    """Tokens evaluated and seconds spent in llama.cpp so far."""
    return context.evaluated, context.busy_s
