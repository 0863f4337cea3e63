"""A suggestion in a real Emacs 30 with lsp-mode 10: shown as an overlay, and accepted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.editors.conftest import missing
from tests.editors.places import REPOSITORY, editors_dir
from tests.editors.waiting import PATIENCE_S


def test_shown_and_accepted(state_dir: Path) -> None:
    emacs = editors_dir() / "bin" / "emacs-30"
    if not emacs.exists():
        missing("emacs", "Emacs 30 was not found; scripts/install-emacs installs it")
    project = state_dir / "project"
    project.mkdir()
    (project / "a.py").write_text("values = [1]\n", encoding="utf-8")
    script = state_dir / "script.json"
    script.write_text(json.dumps(["sum(values)"] * 20), encoding="utf-8")
    server = [sys.executable, "-m", "codellama_lsp", "serve", "--engine", f"scripted:{script}"]
    program = state_dir / "test.el"
    program.write_text(
        _PROGRAM.replace("SERVER", " ".join(json.dumps(word) for word in server))
        .replace("PLUGIN", str(REPOSITORY / "editors" / "emacs"))
        .replace("HOME", str(state_dir))
        .replace("PATIENCE", str(int(PATIENCE_S))),
        encoding="utf-8",
    )
    done = subprocess.run(
        [str(emacs), "--batch", "-Q", "-l", str(program)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S * 3,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said == {
        "mode_line": "CodeLlama ready",
        "shown": "sum(values)",
        "text": "values = [1]\ntotal = sum(values)",
    }


_PROGRAM = r"""
(setq load-prefer-newer t native-comp-jit-compilation nil lsp-lens-enable nil)
(add-to-list 'load-path "PLUGIN")
(setq lsp-session-file "HOME/session" lsp-auto-guess-root t lsp-enable-snippet nil)
(require 'codellama)
(setq codellama-command '(SERVER))
(lsp-workspace-folders-add "HOME/project")
(find-file "HOME/project/a.py")
(lsp)
(defun wait-for (what test)
  (with-timeout (PATIENCE (error "waited in vain for %s" what))
    (while (not (funcall test)) (accept-process-output nil 0.1))))
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
  (princ (json-encode `((mode_line . ,mode-line) (shown . ,shown) (text . ,(buffer-string)))))
  (terpri)
  (set-buffer-modified-p nil)
  (kill-emacs 0))
"""
