"""The audit: what would make a score better than it is, looked for before every training."""

from starbolt.data.audit.checks import CHECKS, Audit
from starbolt.data.audit.findings import Audited, AuditError, Finding

__all__ = ["CHECKS", "Audit", "AuditError", "Audited", "Finding"]
