"""What keys and passwords look like: names of files that hold them, tokens with a telling start.

A table and nothing else; `secrets.py` searches by it.
"""

from __future__ import annotations

#: Names that hold keys and passwords, whatever the settings say.
SECRET_GLOBS = (
    ".env",
    ".env.*",
    ".envrc",
    "*.env",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.gpg",
    "*.asc",
    "*.ppk",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".htpasswd",
    ".git-credentials",
    ".aws/credentials",
    ".docker/config.json",
    ".kube/config",
    "credentials.{json,yaml,yml,toml,ini}",
    "secrets.{json,yaml,yml,toml,ini}",
    "service-account*.json",
    "*.tfvars",
    "*.tfstate",
    "*.tfstate.backup",
    "*.keytab",
    "*.ovpn",
    ".cargo/credentials*",
    ".gem/credentials",
    ".my.cnf",
    ".s3cfg",
    ".boto",
    ".dockercfg",
    ".vault-token",
)

#: Kind, what a token begins with, and what it goes on with. The beginning alone tells it apart.
SHAPES: tuple[tuple[str, str, str], ...] = (
    ("AWS_KEY", r"\b(?:AKIA|ASIA|ABIA|ACCA)", r"[0-9A-Z]{12,}"),
    ("GITHUB_TOKEN", r"\bgh[pousr]_", r"[0-9A-Za-z]{16,}"),
    ("GITHUB_TOKEN", r"\bgithub_pat_", r"[0-9A-Za-z_]{16,}"),
    ("GITLAB_TOKEN", r"\bgl(?:pat|dt|rt|cbt|ptt)-", r"[0-9A-Za-z_\-]{12,}"),
    ("SLACK_TOKEN", r"\bxox[abeoprs]-", r"[0-9A-Za-z\-]{10,}"),
    ("SLACK_HOOK", r"hooks\.slack\.com/(?:services|workflows)/", r"[0-9A-Za-z/]{10,}"),
    ("STRIPE_KEY", r"\b[rsp]k_(?:live|test)_", r"[0-9A-Za-z]{10,}"),
    ("API_KEY", r"\bsk-(?:proj-|ant-|or-|svcacct-)?", r"(?=[\w\-]*\d)[0-9A-Za-z_\-]{20,}"),
    ("GOOGLE_KEY", r"\bAIza", r"[0-9A-Za-z_\-]{24,}"),
    ("GOOGLE_KEY", r"\b(?:ya29\.|GOCSPX-)", r"[0-9A-Za-z_\-]{16,}"),
    ("NPM_TOKEN", r"\bnpm_", r"[0-9A-Za-z]{24,}"),
    ("PYPI_TOKEN", r"\bpypi-Ag", r"[0-9A-Za-z_\-]{16,}"),
    ("HUGGINGFACE_TOKEN", r"\bhf_", r"[A-Za-z]{24,}"),
    ("SENDGRID_KEY", r"\bSG\.", r"[0-9A-Za-z_\-]{16,}\.[0-9A-Za-z_\-]{16,}"),
    ("TWILIO_KEY", r"\bSK(?=[0-9a-f]{32}\b)", r"[0-9a-f]{32}"),
    ("DIGITALOCEAN_TOKEN", r"\bdo[opr]_v1_", r"[0-9a-f]{16,}"),
    ("SHOPIFY_TOKEN", r"\bshp(?:at|ca|pa|ss)_", r"[0-9a-fA-F]{16,}"),
    ("JWT", r"\beyJ", r"[0-9A-Za-z_\-]{8,}\.eyJ[0-9A-Za-z_\-]{8,}(?:\.[0-9A-Za-z_\-]*)?"),
    ("AZURE_KEY", r"\bAccountKey=", r"[0-9A-Za-z+/=]{20,}"),
    ("AGE_KEY", r"\bAGE-SECRET-KEY-1", r"[0-9A-Z]{20,}"),
    ("SLACK_TOKEN", r"\bxapp-", r"\d-[0-9A-Za-z\-]{10,}"),
    ("STRIPE_KEY", r"\bwhsec_", r"[0-9A-Za-z+/=]{16,}"),
    ("API_KEY", r"\bgsk_", r"[0-9A-Za-z]{24,}"),
    ("API_KEY", r"\bxai-", r"[0-9A-Za-z]{24,}"),
    ("API_KEY", r"\bpplx-", r"[0-9A-Za-z]{24,}"),
    ("REPLICATE_TOKEN", r"\br8_", r"[0-9A-Za-z]{24,}"),
    ("PYPI_TOKEN", r"\bpypi-[A-Z]", r"[0-9A-Za-z_\-]{40,}"),
    ("DOCKER_TOKEN", r"\bdckr_(?:pat|oat)_", r"[0-9A-Za-z_\-]{16,}"),
    ("VAULT_TOKEN", r"\bhv[sbr]\.", r"[0-9A-Za-z_\-]{20,}"),
    ("DATABRICKS_TOKEN", r"\bdapi(?=[0-9a-f]{32})", r"[0-9a-f]{32}"),
    ("ATLASSIAN_TOKEN", r"\bATATT3", r"[0-9A-Za-z_\-=]{20,}"),
    ("LINEAR_KEY", r"\blin_(?:api|oauth)_", r"[0-9A-Za-z]{16,}"),
    ("NOTION_TOKEN", r"\bntn_", r"[0-9A-Za-z]{24,}"),
    ("GRAFANA_TOKEN", r"\bgl(?:sa|c)_", r"[0-9A-Za-z_+/=]{20,}"),
    ("POSTMAN_KEY", r"\bPMAK-", r"[0-9a-f]{16,}(?:-[0-9a-f]+)?"),
    ("NEWRELIC_KEY", r"\bNR(?:AK|II|JS)-", r"[0-9A-Za-z_\-]{16,}"),
    ("SENTRY_TOKEN", r"\bsntry[su]_", r"[0-9A-Za-z_+/=\-]{20,}"),
    ("RUBYGEMS_KEY", r"\brubygems_", r"[0-9a-f]{24,}"),
    ("CRATES_TOKEN", r"\bcio(?=[0-9A-Za-z]{32}\b)", r"[0-9A-Za-z]{32}"),
    ("SUPABASE_KEY", r"\bsbp_", r"[0-9a-f]{24,}"),
    ("SQUARE_TOKEN", r"\bsq0(?:atp|csp)-", r"[0-9A-Za-z_\-]{20,}"),
    ("TERRAFORM_TOKEN", r"\b[0-9A-Za-z]{14}\.atlasv1\.", r"[0-9A-Za-z_\-]{40,}"),
    ("TELEGRAM_TOKEN", r"\b\d{8,10}:AA", r"[0-9A-Za-z_\-]{32,}"),
    ("MAILGUN_KEY", r"\bkey-(?=[0-9a-f]{32}\b)", r"[0-9a-f]{32}"),
    ("GOOGLE_KEY", r"\b1//0", r"[0-9A-Za-z_\-]{30,}"),
)

#: A line without any of these has none of those tokens: plain searches, a hundred times as fast as
#: the patterns.
HEADS = (
    "AKIA ASIA ABIA ACCA ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- glrt- glcbt- glptt- xox "
    "hooks.slack.com k_live_ k_test_ sk- AIza ya29. GOCSPX- npm_ pypi- hf_ SG. SK dop_v1_ doo_v1_ "
    "dor_v1_ shpat_ shpca_ shppa_ shpss_ eyJ AccountKey= AGE-SECRET-KEY-1 :// xapp- whsec_ gsk_ "
    "xai- pplx- r8_ dckr_ hvs. hvb. hvr. dapi ATATT3 lin_ ntn_ glsa_ glc_ PMAK- NRAK- NRII- NRJS- "
    "sntrys_ sntryu_ rubygems_ cio sbp_ sq0 .atlasv1. :AA key- 1//0"
).split()
