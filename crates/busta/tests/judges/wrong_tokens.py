"""For schemathesis: who has tried ten wrong tokens is refused with 429, which is no less than 401."""

from schemathesis.specs.openapi import checks

checks.AUTH_REJECTION_STATUSES = checks.AUTH_REJECTION_STATUSES | {429}
