"""A suggestion in a real Emacs 30, shown and accepted.

With lsp-mode 10 as inline completion, an overlay; with eglot as an entry of the completion menu.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.editors.conftest import missing, server_on_path
from tests.editors.places import REPOSITORY, editors_dir
from tests.editors.waiting import PATIENCE_S

BEFORE = "values = [1]\n"


def run(state_dir: Path, program: str, answer: str) -> dict[str, object]:
    """What `program` printed last, run with a server on PATH that always gives `answer`."""
    emacs = editors_dir() / "bin" / "emacs-30"
    if not emacs.exists():
        missing("emacs", "Emacs 30 was not found; scripts/install-emacs installs it")
    project = state_dir / "project"
    project.mkdir()
    (project / "a.py").write_text(BEFORE, encoding="utf-8")
    path = state_dir / "test.el"
    text = _COMMON + program
    for name, value in {
        "PLUGIN": str(REPOSITORY / "editors" / "emacs"),
        "HOME": str(state_dir),
        "PATIENCE": str(int(PATIENCE_S)),
        "BIN": str(state_dir / "bin"),
    }.items():
        text = text.replace(f"@{name}@", value)
    path.write_text(text, encoding="utf-8")
    server_on_path(state_dir, [answer] * 20)
    done = subprocess.run(
        [str(emacs), "--batch", "-Q", "-l", str(path)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S * 3,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return said


def test_lsp_mode(state_dir: Path) -> None:
    assert run(state_dir, _LSP_MODE, "sum(values)") == {
        "mode_line": "CodeLlama ready",
        "shown": "sum(values)",
        "text": BEFORE + "total = sum(values)",
    }


@pytest.mark.parametrize("answer", ["sum(values)", "sum(values)\nprint(total)"])
def test_eglot(state_dir: Path, answer: str) -> None:
    assert run(state_dir, _EGLOT, answer) == {
        "shown": ["sum(values)"],
        "text": BEFORE + "total = " + answer,
    }


@pytest.mark.parametrize("name", ["codellama", "codellama-eglot"])
def test_compiles_without_a_warning(state_dir: Path, name: str) -> None:
    source = REPOSITORY / "editors" / "emacs" / f"{name}.el"
    compiling = f"""
    (setq byte-compile-error-on-warn t
          byte-compile-dest-file-function (lambda (_) "{state_dir}/{name}.elc"))
    (say-and-end `((compiled . ,(byte-compile-file "{source}"))))
    """
    assert run(state_dir, compiling, "") == {"compiled": True}


_COMMON = r"""
(setq load-prefer-newer t native-comp-jit-compilation nil make-backup-files nil)
(add-to-list 'load-path "@PLUGIN@")
(push "@BIN@" exec-path)
(setenv "PATH" (concat "@BIN@:" (getenv "PATH")))
(defun wait-for (what test)
  (with-timeout (@PATIENCE@ (error "waited in vain for %s" what))
    (while (not (funcall test)) (accept-process-output nil 0.1))))
(defun say-and-end (what)
  (princ (json-encode what))
  (terpri)
  (set-buffer-modified-p nil)
  (kill-emacs 0))
"""

_LSP_MODE = r"""
(setq lsp-session-file "@HOME@/session" lsp-auto-guess-root t lsp-enable-snippet nil
      lsp-lens-enable nil)
(require 'codellama)
(lsp-workspace-folders-add "@HOME@/project")
(find-file "@HOME@/project/a.py")
(lsp)
(wait-for "the server"
  (lambda () (and codellama-status (equal (lsp-get codellama-status :state) "ready"))))
(let ((mode-line (codellama-mode-line)) shown)
  (goto-char (point-max))
  (insert "total = ")
  (wait-for "a suggestion"
    (lambda ()
      (lsp-inline-completion-display)
      (dolist (overlay (overlays-in (point-min) (1+ (point-max))))
        (when (overlay-get overlay 'after-string)
          (setq shown (substring-no-properties (overlay-get overlay 'after-string)))))
      shown))
  (lsp-inline-completion-accept)
  (say-and-end `((mode_line . ,mode-line) (shown . ,shown) (text . ,(buffer-string)))))
"""

_EGLOT = r"""
(require 'eglot)
(setq eglot-sync-connect @PATIENCE@)
(require 'codellama-eglot)
(setq codellama-eglot-settings '(:multi_line "always"))
(find-file "@HOME@/project/a.py")
(call-interactively #'eglot)
(goto-char (point-max))
(insert "total = ")
(let* ((found (eglot-completion-at-point))
       (shown (mapcar #'substring-no-properties
                      (all-completions "" (nth 2 found) (plist-get (nthcdr 3 found) :predicate)))))
  ;; One candidate: this takes it, as a key in the menu would.
  (completion-at-point)
  (say-and-end `((shown . ,(vconcat shown)) (text . ,(buffer-string)))))
"""
