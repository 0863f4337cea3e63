"""Secrets by shape: found, left alone, replaced alike while they are typed."""

# ruff: noqa: E501 (a row of a table is a line)

from __future__ import annotations

import pytest

from codellama_lsp.context.secrets import Redactor, placeholder, spells_placeholder, split_spans
from codellama_lsp.context.shield import Shield
from codellama_lsp.context.windows import WindowBudget, WindowTracker

# Put together here, so that nobody's scanner takes this file for a leak.
_GITHUB = "ghp" + "_" + "16C7e42F292c6912E7710c838347Ae178B4a"
_AWS = "AKIA" + "IOSFODNN7EXAMPLE"

SECRETS = [
    ("AWS_KEY", _AWS, f'key = "{_AWS}"'),
    ("GITHUB_TOKEN", _GITHUB, f"TOKEN = '{_GITHUB}'"),
    ("GITLAB_TOKEN", "glpat-" + "x1Y2z3W4v5U6t7S8r9Q0", "glpat-" + "x1Y2z3W4v5U6t7S8r9Q0"),
    ("SLACK_TOKEN", "xoxb-" + "123456789012-abcdefABCDEF", "x = xoxb-" + "123456789012-abcdefABCDEF"),
    ("STRIPE_KEY", "sk_live_" + "4eC39HqLyjWDarjtT1", "pay(sk_live_" + "4eC39HqLyjWDarjtT1)"),
    ("API_KEY", "sk-proj-" + "a1B2c3D4e5F6g7H8i9J0k1", "x = 'sk-proj-" + "a1B2c3D4e5F6g7H8i9J0k1'"),
    ("GOOGLE_KEY", "AIza" + "SyA1234567890abcdefghijklmnopqrstu", "AIza" + "SyA1234567890abcdefghijklmnopqrstu"),
    ("NPM_TOKEN", "npm_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4", "//r/:_t=npm_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4"),
    ("JWT", "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N", "jwt = eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"),
    ("PASSWORD", "s3cr3t", "postgres://bob:s3cr3t@db.example/x"),
    ("SECRET", "hunter2hunter2", 'password = "hunter2hunter2"'),
    ("SECRET", "wJalrXUtnFEMI/K7MDENG", '"secret_access_key": "wJalrXUtnFEMI/K7MDENG"'),
    ("SECRET", "abcDEF123456xyz789", "Authorization: Bearer abcDEF123456xyz789"),
    ("SECRET", "a8f5f167f44f4964e6c998dee827110c", "export API_TOKEN=a8f5f167f44f4964e6c998dee827110c"),
    ("API_KEY", "sk-ant-" + "api03-Zx9Yw8Vu7Ts6Rq5Po4Nm3", "key = 'sk-ant-" + "api03-Zx9Yw8Vu7Ts6Rq5Po4Nm3'"),
    ("GITHUB_TOKEN", "github_pat_" + "11ABCDEFG0aBcDeFgHiJkL", "t: github_pat_" + "11ABCDEFG0aBcDeFgHiJkL"),
    ("STRIPE_KEY", "whsec_" + "a1B2c3D4e5F6g7H8i9J0", "x = 'whsec_" + "a1B2c3D4e5F6g7H8i9J0'"),
    ("SLACK_HOOK", "hooks.slack.com/services/" + "T00000000/B00000000/XXXXXXXX", "post('https://hooks.slack.com/services/" + "T00000000/B00000000/XXXXXXXX')"),
    ("GOOGLE_KEY", "GOCSPX-" + "a1B2c3D4e5F6g7H8i9", "client('GOCSPX-" + "a1B2c3D4e5F6g7H8i9')"),
    ("AZURE_KEY", "AccountKey=" + "a1B2c3D4e5F6g7H8i9J0k1L2==", "c = 'AccountName=x;AccountKey=" + "a1B2c3D4e5F6g7H8i9J0k1L2=='"),
    ("PYPI_TOKEN", "pypi-Ag" + "EIcHlwaS5vcmcCJGE1", "password = pypi-Ag" + "EIcHlwaS5vcmcCJGE1"),
    ("HUGGINGFACE_TOKEN", "hf_" + "abcdefghijklmnopqrstuvwxyzABCD", "login('hf_" + "abcdefghijklmnopqrstuvwxyzABCD')"),
    ("DOCKER_TOKEN", "dckr_pat_" + "a1B2c3D4e5F6g7H8i9", "docker login -p dckr_pat_" + "a1B2c3D4e5F6g7H8i9"),
    ("VAULT_TOKEN", "hvs." + "CAESIa1B2c3D4e5F6g7H8i9", "vault('hvs." + "CAESIa1B2c3D4e5F6g7H8i9')"),
    ("DATABRICKS_TOKEN", "dapi" + "0123456789abcdef0123456789abcdef", "x('dapi" + "0123456789abcdef0123456789abcdef')"),
    ("TELEGRAM_TOKEN", "123456789:AA" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q", "Bot('123456789:AA" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q')"),
    ("SENDGRID_KEY", "SG." + "a1B2c3D4e5F6g7H8.a1B2c3D4e5F6g7H8", "k = 'SG." + "a1B2c3D4e5F6g7H8.a1B2c3D4e5F6g7H8'"),
    ("PASSWORD", "Tr0ub4dor", "c = 'Server=db;User Id=sa;Password=Tr0ub4dor;Encrypt=yes'"),
    ("PASSWORD", "swordfish", "machine example.com login bob password swordfish"),
    ("PASSWORD", "Tr0ub4dor3", "  password Tr0ub4dor3"),
    ("SECRET", "hunter2hunter2", "DB_PASSWORD=hunter2hunter2"),
    ("SECRET", "s3cr3tPass1", "  password: s3cr3tPass1"),
    ("PRIVATE_KEY", "lQOYBGPk1bABCADmZ0", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBGPk1bABCADmZ0\n-----END PGP PRIVATE KEY BLOCK-----"),
    ("PRIVATE_KEY", "MIIEpAIBAAKCAQEA04up8hoqzS1", '"private_key": "-----BEGIN PRIVATE KEY-----\\nMIIEpAIBAAKCAQEA04up8hoqzS1\\n-----END PRIVATE KEY-----\\n"'),
    ("PRIVATE_KEY", "MIIEpAIBAAKCAQEA04up8hoqzS1", "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA04up8hoqzS1\n-----END RSA PRIVATE KEY-----"),
    ("PRIVATE_KEY", "MIIEpAIBAAKCAQEA04up8hoqzS1", "-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA04up8hoqzS1"),
    ("PRIVATE_KEY", "MIIEpAIBAAKCAQEA04up8hoqzS1", "MIIEpAIBAAKCAQEA04up8hoqzS1\n-----END PRIVATE KEY-----\n"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "secret", "text"), SECRETS)
def test_it_is_replaced(kind: str, secret: str, text: str) -> None:
    clean = Redactor().redact(f"a = 1\n{text}\nb = 2\n")
    assert secret not in clean
    assert placeholder(kind) in clean
    assert clean.startswith("a = 1\n") and clean.endswith("\nb = 2\n")


@pytest.mark.parametrize(
    "text",
    [
        "token = get_token(request)",
        'password = "password"',
        "secret_key = os.environ['SECRET_KEY_1']",
        "for key in sorted(tokens2):",
        "<div class='sk-folding-cube sk-cube-parent'>",
        'password_field = "new_password"',
        "key: str = field(default=None)",
        "https://example.com:8080/path@home",
        "TOKEN_URL = config.token_url",
        'SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"',
        'COMMIT = "de9f2c7fd25e1b3afad3e85a0bd17d9b100db4b3"',
        'NAMESPACE = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")',
        '"integrity": "sha512-MQ8xHuF2tYx3mZbYw1mJk9=="',
        "postgres://user:pass@localhost:5432/db",
        "https://<user>:<password>@example.com",
        "https://***:***@proxy.example.com",
        "https://user:%s@example.com",
        'login(password="test1234")',
        'password = "changeme"',
        'secret = "example_secret_1"',
        "token = parse_token_v2_or_v3",
        "secret: Float64Array",
        'open(token, "data/mt19937-testset-1.csv")',
        '("tokens", "symbol2label")',
        '("password", "proxy.example.com:3128")',
        "self.max_tokens_per_s = 1024",
        "let password=userPassword;",
        "password required2",
        "task-keyboard skeleton npm_config_cache hf_token xai-sdk key-value",
        "-----BEGIN PUBLIC KEY-----",
    ],
)
def test_code_stays_as_it_is(text: str) -> None:
    assert Redactor().redact(text) == text


def test_half_typed_it_is_replaced_by_the_same() -> None:
    redactor = Redactor()
    shown = set()
    for n in range(5, len(_GITHUB) + 1):
        text = f'x = "{_GITHUB[:n]}"'
        shown.add(redactor.redact(text, cursor=len(text) - 1))
    assert shown == {f'x = "{placeholder("GITHUB_TOKEN")}"'}


def test_pieces_of_one_are_all_replaced() -> None:
    text = f"a{_AWS}b"
    spans = Redactor().spans(f"k = {_AWS} + 1")
    pieces = split_spans(("k = AKI", _AWS[3:], " + 1"), spans)
    assert pieces == ("k = " + placeholder("AWS_KEY"), placeholder("AWS_KEY"), " + 1")
    assert text


@pytest.mark.parametrize(
    ("suggestion", "spells"),
    [
        (f"x = {placeholder('JWT')}", True),
        ("x = __REDACTED_GIT", True),
        ("x = __REDACTED", True),
        ("x = __init__", False),
        ("REDACTED", False),
    ],
)
def test_suggestions_that_spell_placeholders(suggestion: str, spells: bool) -> None:
    assert spells_placeholder(suggestion) is spells


def _windows(marked: str, budget: int):
    offset = marked.index("|")
    text = marked.replace("|", "", 1)
    tracker = WindowTracker("d")
    return tracker.windows(text, offset, WindowBudget(budget, budget))


def test_no_segment_holds_any_part_of_one_that_the_cursor_is_in() -> None:
    windows = Shield().windows(_windows(f'x = 1\nk = "{_AWS[:9]}|{_AWS[9:]}"\ny = 2\n', 1000))
    shown = windows.prefix.text + windows.suffix.text
    assert _AWS[:9] not in shown and _AWS[9:] not in shown
    assert windows.prefix.text.startswith("x = 1\nk = ")
    assert windows.suffix.text.endswith("y = 2\n")


def test_windows_without_secrets_pass_untouched() -> None:
    windows = _windows("x = 1\ny = |2\n", 1000)
    assert Shield().windows(windows) is windows


def test_the_same_clean_text_keeps_its_version() -> None:
    tracker, shield = WindowTracker("d"), Shield()
    text = f'k = "{_AWS}"\n' + "a = 1\n" * 3
    budget = WindowBudget(1000, 1000)
    first = shield.windows(tracker.windows(text, len(text) - 6, budget))
    again = shield.windows(tracker.windows(text, len(text) - 6, budget))
    assert first.prefix == again.prefix
    assert first.prefix.key.endswith("#clean")
