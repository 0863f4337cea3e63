"""The decode loop: choose a token, evaluate it together with a draft, until something ends it."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable

import attrs

from codellama_lsp.engine.backend import CancelFlag
from codellama_lsp.engine.protocol import Candidate, Finish, GenerateRequest
from codellama_lsp.engine.worker.cache import KvCache, Resident
from codellama_lsp.engine.worker.confidence import confident_end
from codellama_lsp.engine.worker.context import Aborted, Context, Logits
from codellama_lsp.engine.worker.copying import Copier, CopySettings, Proposal
from codellama_lsp.engine.worker.drafting import (
    LONGEST_DRAFT,
    DraftPolicy,
    Forecasts,
    kind_of,
)
from codellama_lsp.engine.worker.model import Model
from codellama_lsp.engine.worker.sampling import Choice, Chooser, Probabilities, Scores, Sureness
from codellama_lsp.engine.worker.together import END, Siblings, Steps
from codellama_lsp.prompt.healing import Ids

#: Few tokens of code are longer, and encoding takes time at every step.
_CHARS_PER_TOKEN = 8
_Utf8 = codecs.getincrementaldecoder("utf-8")


@attrs.define
class Spent:
    """Counts of one candidate's decode loop."""

    generated: int = 0
    drafted: int = 0
    accepted: int = 0


#: Drafted tokens that are in the cache already, each with the scores behind it.
_Ahead = list[tuple[int, Logits]]


@attrs.define
class _Text:
    """What was generated: bytes to be spelled again first, then what the user sees."""

    required: bytes
    spelled: bytes = b""
    shown: str = ""

    @property
    def missing(self) -> bytes:
        """Bytes of healing that have still to be spelled."""
        return self.required[len(self.spelled) :]


class Decoder:
    """Decodes one candidate behind a prompt that is in the cache.

    `required` are the bytes that healing took off, `healed` how many tokens those were; `logits`
    belong to the prompt's last token.
    """

    def __init__(
        self,
        model: Model,
        context: Context,
        cache: KvCache,
        *,
        request: GenerateRequest,
        required: bytes,
        healed: int,
        copier: Copier | None,
        copy_settings: CopySettings,
        policy: DraftPolicy | None,
        chooser: Chooser,
        siblings: Siblings,
        scratch: Probabilities,
        rows: Probabilities,
    ) -> None:
        self._model = model
        self._context = context
        self._cache = cache
        self._request = request
        self._copier = copier
        self._copy_settings = copy_settings
        self._policy = policy
        self._forecasts = None if policy is None else Forecasts(policy)
        self._chooser = chooser
        self._siblings = siblings
        self._number = siblings.begin()
        self._text = _Text(required)
        self._healed = healed
        self._utf8 = _Utf8("replace")
        self._sureness = Sureness(rows)
        self._scratch = scratch
        self.spent = Spent()

    def steps(
        self,
        resident: Resident,
        logits: Logits,
        emit: Callable[[str], None],
        cancel: CancelFlag,
    ) -> Steps:
        """Generate until an end. The cache keeps what was evaluated."""
        started = time.perf_counter()
        budget = self._request.time_budget_ms
        row, ahead = logits, _Ahead()
        finish = Finish.LENGTH
        while self.spent.generated < self._request.max_tokens:
            if cancel.is_set():
                finish = Finish.CANCELLED
                break
            if budget is not None and (time.perf_counter() - started) * 1000 > budget:
                finish = Finish.TIME
                break
            missing = self._text.missing
            choice = self._choose(Scores(row, self._scratch), missing)
            if missing:
                missing = self._text.missing  # given up where no token spells it
            if self._request.candidates > 1:
                token = END if choice.ends else choice.token
                self._siblings.note(self._number, token, choice.probability)
            if self._forecasts is not None:
                self._forecasts.came(END if choice.ends else choice.token)
            if choice.ends:
                finish = Finish.EOT
                break
            threshold = 0.0 if missing else self._request.least_probability
            if threshold and choice.probability < threshold:
                doubtful = self._model.pieces.pieces[choice.token].decode("utf-8", "replace")
                self._text.shown = self._text.shown[: confident_end(self._text.shown, doubtful)]
                finish = Finish.UNSURE
                break
            self.spent.generated += 1
            if not missing:
                self._sureness.note(choice, row)
            if self._take(choice.token, emit):
                finish = Finish.STOP
                break
            if self.spent.generated >= self._request.max_tokens:
                break  # what comes behind it will not be asked for
            if ahead and ahead[0][0] == choice.token:
                _, row = ahead.pop(0)
                self.spent.accepted += 1
                self._cache.extend(resident, [choice.token])
                continue
            self._drop(resident, ahead)
            drafted = self._draft() if self._forecasts is not None else []
            asked = time.perf_counter()
            try:
                rows = yield [choice.token, *drafted]
            except Aborted:
                finish, ahead = Finish.CANCELLED, []
                break
            if self._policy is not None and self._request.candidates == 1:
                self._policy.took(len(rows), time.perf_counter() - asked)
            self._cache.extend(resident, [choice.token])
            self.spent.drafted += len(drafted)
            row, ahead = rows[0], list(zip(drafted, rows[1:], strict=True)) if drafted else []
        self._drop(resident, ahead)
        if self._forecasts is not None:
            self._forecasts.end()
        return Candidate(self._text.shown, finish, self._sureness.probabilities())

    def _drop(self, resident: Resident, ahead: _Ahead) -> None:
        """Forget what is left of a draft."""
        if ahead:
            self._context.forget(resident.sequence, len(resident))

    def _choose(self, scores: Scores, missing: bytes) -> Choice:
        allowed = self._allowed(missing) if missing else None
        if allowed is not None and not len(allowed):
            allowed = None  # bytes that no token spells: go on without healing
            self._text.required = self._text.spelled
        line_ends = self._line_ends()
        if self._request.candidates > 1 and (taken := self._siblings.taken(self._number)):
            scores = self._chooser.without(scores, taken, line_ends=line_ends)
        choice = self._chooser.choose(scores, allowed=allowed, line_ends=line_ends)
        if self._copier is None or self._copy_settings.weights is None:
            return choice
        proposal = self._copier.propose(self._text.shown)
        if proposal is None:
            return choice
        return self._kept(scores, choice, proposal, missing, line_ends) or choice

    def _allowed(self, missing: bytes) -> Ids:
        """Tokens that may come next while `missing` bytes have still to be spelled."""
        left = self._healed + 1 - self.spent.generated
        return self._model.pieces.allowed(missing, left_tokens=max(left, 1))

    def _kept(
        self,
        scores: Scores,
        choice: Choice,
        proposal: Proposal,
        missing: bytes,
        line_ends: bool,
    ) -> Choice | None:
        """The proposal's first token as a choice, where the model gives it enough."""
        if proposal.text.startswith("\n") and not missing:
            if not line_ends:
                return None
            ending = self._chooser.end_probability(scores, line_ends=True)
            if self._copy_settings.keeps(ending, choice.probability, proposal):
                return Choice(choice.token, ending, ends=True)
            return None
        tokens = self._encode(missing, proposal.text, 2)
        if not tokens:
            return None
        first = tokens[0]
        if missing:
            allowed = self._allowed(missing)
            if first not in allowed:
                return None
            total = scores.of_any(allowed)
            probability = scores.of(first) / total if total > 0 else 0.0
        else:
            probability = scores.of(first)
        if self._copy_settings.keeps(probability, choice.probability, proposal):
            return Choice(first, probability, ends=False)
        return None

    def _draft(self) -> list[int]:
        """Tokens likely to follow what was just taken, as many as should be evaluated with it.

        What is left out is compared all the same with what comes.
        """
        if self._copier is None or self._policy is None or self._forecasts is None:
            return []
        room = min(LONGEST_DRAFT, self._request.max_tokens - self.spent.generated)
        proposal = self._copier.propose(self._text.shown)
        if proposal is None:
            return []
        tokens = self._encode(self._text.missing, proposal.text, room)
        kind = kind_of(proposal.match, proposal.agreement)
        self._forecasts.propose(kind, tokens)
        if not self._text.shown:
            return []  # what is seen first must not wait for a larger batch
        room = min(room, self._context.batch_tokens - 1)
        return tokens[: self._policy.length(kind, room)]

    def _encode(self, missing: bytes, text: str, most_tokens: int = 0) -> list[int]:
        """The tokens of what should come next; those of its start where `most_tokens` is given."""
        line, newline, _ = text.partition("\n")
        if newline and not self._request.stop_at_newline:
            line = text
        cut = most_tokens and len(line) > most_tokens * _CHARS_PER_TOKEN
        if cut:
            line = line[: most_tokens * _CHARS_PER_TOKEN]
        try:
            tokens = self._model.encoder.infill(missing.decode() + line)
        except UnicodeDecodeError:
            return []
        # The last token of a text that was cut might have gone on.
        return tokens[: min(len(tokens) - bool(cut), most_tokens or len(tokens))]

    def _line_ends(self) -> bool:
        return self._request.stop_at_newline and bool(self._text.shown.strip())

    def _take(self, token: int, emit: Callable[[str], None]) -> bool:
        """Add a token's bytes; True where a stop rule holds."""
        text = self._text
        new = self._model.pieces.pieces[token]
        before = len(text.spelled)
        text.spelled += new
        if before < len(text.required):
            new = text.spelled[len(text.required) :]
        piece = self._utf8.decode(new)
        if not piece:
            return False
        stop = False
        if self._request.stop_at_newline and "\n" in piece:
            had_text = bool(text.shown.strip())
            for index, character in enumerate(piece):
                if character == "\n" and had_text:
                    piece, stop = piece[:index], True
                    break
                had_text = had_text or not character.isspace()
        text.shown += piece
        if piece:
            emit(piece)
        return stop


def new_chooser(
    model: Model, request: GenerateRequest, candidate: int, attempt: int = 0
) -> Chooser:
    """Greedy for the first candidate, drawn for the others."""
    temperature = request.temperature
    if candidate > 0 and temperature <= 0:
        temperature = 0.8
    return Chooser(
        model.end_ids,
        model.line_ids,
        temperature=temperature,
        seed=(abs(request.seed), candidate, attempt),
    )
