"""Releases in the database. Rows are added, never changed; only `LiveRelease` moves."""

from django.db import models

from shell.composition.release import Trust
from shell.registry.environment import this_environment


class Asset(models.Model):
    """A copied file, named by the SHA-256 of its body."""

    digest = models.CharField(max_length=64, primary_key=True)
    content_type = models.CharField(max_length=64)
    body = models.BinaryField()
    stored_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.digest[:12]} {self.content_type}"


class Release(models.Model):
    """One published version: the manifest as it was served, the fallback, and the digests of its files by their paths.

    `css` and `js` are paths, and digests in rows from before a release was a folder.
    """

    fragment = models.CharField(max_length=100)
    version = models.CharField(max_length=128)
    digest = models.CharField(max_length=64)
    manifest_url = models.CharField(max_length=2048)
    manifest = models.BinaryField()
    fallback = models.BinaryField()
    css = models.JSONField(default=list)
    js = models.JSONField(default=list)
    uses = models.JSONField(default=dict)
    files = models.JSONField(default=dict)
    # By the same keys what the origin sent, where `files` is what was written of it; None in older rows.
    sources = models.JSONField(null=True)
    # What the origin sent, by `content.py`; empty in older rows.
    content = models.CharField(max_length=64, blank=True, db_default="")
    lifted = models.JSONField(default=list)
    names = models.JSONField(default=dict)
    folder = models.CharField(max_length=64, blank=True, db_index=True)
    versioned = models.BooleanField(default=True)
    published_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["fragment", "digest"], name="one_release_a_digest")]

    def __str__(self) -> str:
        return f"{self.fragment} {self.version} {self.digest[:12]}"


class Assessment(models.Model):
    """What the gate found in a release when it was published last: findings as they are, whatever was waived."""

    release = models.OneToOneField(Release, on_delete=models.CASCADE, primary_key=True)
    at = models.DateTimeField()
    findings = models.JSONField(default=list)
    rehearsals = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.release_id}: {len(self.findings)} findings"


class Waiver(models.Model):
    """A rule that is a warning for one fragment, by an operator's word, and why."""

    fragment = models.CharField(max_length=100)
    rule = models.CharField(max_length=32)
    reason = models.CharField(max_length=200)
    actor = models.CharField(max_length=150)
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["fragment", "rule"], name="one_waiver_a_rule")]

    def __str__(self) -> str:
        return f"{self.fragment}: {self.rule}, {self.reason}"


class LiveRelease(models.Model):
    """Which release of a fragment pages are composed from."""

    fragment = models.CharField(max_length=100, primary_key=True)
    release = models.ForeignKey(Release, on_delete=models.PROTECT)

    def __str__(self) -> str:
        return f"{self.fragment}: {self.release_id}"


class Rollout(models.Model):
    """A release that a share of visitors gets, out of 10,000. `held_back` says why it is not promoted by itself.

    `steps` are written as `steps.py` reads them; it is in the one that `step` counts to, from 0, since `step_since`.
    """

    fragment = models.CharField(max_length=100, primary_key=True)
    release = models.ForeignKey(Release, on_delete=models.PROTECT)
    share = models.IntegerField()
    promotes = models.BooleanField(default=False)
    held_back = models.CharField(max_length=300, blank=True)
    steps = models.CharField(max_length=300, blank=True)
    step = models.IntegerField(default=0)
    step_since = models.DateTimeField(null=True)
    since = models.DateTimeField()
    actor = models.CharField(max_length=150)

    def __str__(self) -> str:
        return f"{self.fragment}: {self.release_id} for {self.share} of 10,000"


class ReleaseMinute(models.Model):
    """Outcomes of a release in one minute of a trial, of all processes; `latencies` by the buckets of `analysis`."""

    digest = models.CharField(max_length=64)
    minute = models.DateTimeField()
    total = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    degraded = models.IntegerField(default=0)
    latencies = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["digest", "minute"], name="one_count_a_release_and_minute")]

    def __str__(self) -> str:
        return f"{self.digest[:12]} {self.minute:%H:%M}: {self.total}"


class ScriptError(models.Model):
    """A visitor in whose browser a script of a release threw while it was on trial; both are hashes."""

    digest = models.CharField(max_length=64)
    visitor = models.CharField(max_length=32)
    network = models.CharField(max_length=32)
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["digest", "visitor"], name="one_script_error_a_visitor")]

    def __str__(self) -> str:
        return f"{self.digest[:12]} {self.at:%H:%M}"


class Superseded(models.Model):
    """A release that was live until `at`: pages that it drew may still be open, and their forms are its own."""

    release = models.OneToOneField(Release, on_delete=models.PROTECT, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.release_id} until {self.at:%Y-%m-%d %H:%M:%S}"


class Registration(models.Model):
    """What operators allow a fragment's name, whatever release of it is live. A name without one is sandboxed.

    `origins` are those that it alone may be published from; empty: those that nobody has. `pictures` and `frames` are
    foreign origins that its HTML may show, beside those that every fragment may. `scopes` is what it may do
    for a player, None where the pages table says that. `followed_at` and what stands with it is the last try to
    `follow` it.
    """

    fragment = models.CharField(max_length=100, primary_key=True)
    trust = models.CharField(max_length=16, default=Trust.SANDBOXED.value)
    scopes = models.JSONField(null=True)
    origins = models.JSONField(default=list)
    pictures = models.JSONField(default=list)
    frames = models.JSONField(default=list)
    follow = models.BooleanField(default=False)
    followed_at = models.DateTimeField(null=True)
    followed_version = models.CharField(max_length=128, blank=True)
    follow_tries = models.IntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.fragment}: {self.trust}"


class WarmUp(models.Model):
    """So many environments of a function that are to be warm so many minutes before the moment `at`, and why."""

    fragment = models.CharField(max_length=100, db_index=True)
    at = models.DateTimeField(db_index=True)
    environments = models.IntegerField()
    minutes_before = models.IntegerField()
    why = models.CharField(max_length=200, blank=True)
    actor = models.CharField(max_length=150)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["fragment", "at"], name="one_warm_up_a_moment")]

    def __str__(self) -> str:
        return f"{self.fragment}: {self.environments} for {self.at:%Y-%m-%d %H:%M}"


class Hold(models.Model):
    """A fragment that an operator keeps out of every page, and why; `fragment resume` ends it."""

    fragment = models.CharField(max_length=100, primary_key=True)
    reason = models.CharField(max_length=200)
    actor = models.CharField(max_length=150)
    since = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.fragment}: {self.reason}"


class Token(models.Model):
    """A bearer token of one fragment for one purpose; `digest` is the SHA-256 of its secret."""

    prefix = models.CharField(max_length=16, primary_key=True)
    digest = models.CharField(max_length=64)
    name = models.CharField(max_length=64)
    fragment = models.CharField(max_length=100, db_index=True)
    purpose = models.CharField(max_length=16)
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField()
    # A database that was copied from another environment must not open this one; empty in older rows.
    environment = models.CharField(max_length=31, blank=True, default=this_environment, db_default="")
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.fragment}: {self.prefix} {self.name}"


class PageRevision(models.Model):
    """One published state of a page, as its document says it; `number` counts from 1 for each page."""

    page = models.CharField(max_length=64)
    number = models.IntegerField()
    digest = models.CharField(max_length=64)
    document = models.BinaryField()
    actor = models.CharField(max_length=150)
    published_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["page", "number"], name="one_revision_a_number")]

    def __str__(self) -> str:
        return f"{self.page} {self.number}"


class LivePage(models.Model):
    """Which revision of a page is live; a page without one is the file's, or there is none."""

    page = models.CharField(max_length=64, primary_key=True)
    revision = models.ForeignKey(PageRevision, on_delete=models.PROTECT)

    def __str__(self) -> str:
        return f"{self.page}: {self.revision_id}"


class TeamMember(models.Model):
    """An account that may be shown releases of a fragment that are not live; operators say which."""

    fragment = models.CharField(max_length=100)
    account = models.CharField(max_length=150)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["fragment", "account"], name="one_membership_an_account")]

    def __str__(self) -> str:
        return f"{self.account} of {self.fragment}"


class Preview(models.Model):
    """A link that shows `release` to one browser; `session` stands for the sign-in that opened it, empty before.

    `key` signs the link: whoever makes one need not have the key of the shell that is asked for it.
    """

    id = models.CharField(max_length=32, primary_key=True)
    key = models.CharField(max_length=64)
    release = models.ForeignKey(Release, on_delete=models.PROTECT)
    own_machine = models.BooleanField(default=False)
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    account = models.CharField(max_length=150, blank=True)
    session = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.release_id} until {self.expires_at:%Y-%m-%d %H:%M}"


class ChangeLock(models.Model):
    """One row, which every change of the registry locks first: see `serialized`."""

    def __str__(self) -> str:
        return "the registry's lock"


class AuditEntry(models.Model):
    """Who changed what is live, and when. The highest id of those that change pages is the snapshot's generation."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=32)
    fragment = models.CharField(max_length=100)
    release = models.ForeignKey(Release, null=True, on_delete=models.PROTECT)
    detail = models.TextField(blank=True)
    environment = models.CharField(max_length=31, blank=True, default=this_environment, db_default="")
    # What changes nothing that a page shows must not make every shell load what is live anew.
    changes_pages = models.BooleanField(default=True, db_default=True)

    class Meta:
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor} {self.action} {self.fragment}"
