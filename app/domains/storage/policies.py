"""Business constants of storage. Sizes in bytes."""

from app.shared.policy import PolicyKey

GIB = 1 << 30

QUOTA_BYTES = PolicyKey(
    name="storage.quota_bytes",
    default=100 * GIB,
    minimum=0,
    maximum=1 << 52,
    unit="bytes",
    description="How much one project may store. Unfinished uploads and recently deleted files count.",
)
QUOTA_OBJECTS = PolicyKey(
    name="storage.quota_objects",
    default=200_000,
    minimum=0,
    maximum=1_000_000_000,
    unit="files",
    description="How many files one project may store. Unfinished uploads and recently deleted files count.",
)
LARGEST_FILE = PolicyKey(
    name="storage.largest_file",
    default=1 << 40,
    minimum=1,
    maximum=5 << 40,
    unit="bytes",
    description="The largest single file that can be uploaded.",
)
OPEN_UPLOADS = PolicyKey(
    name="storage.open_uploads",
    default=2_000,
    minimum=1,
    maximum=100_000,
    unit="uploads",
    description="How many unfinished uploads one project may have.",
)
ACCOUNT_UPLOADS = PolicyKey(
    name="storage.account_uploads",
    default=10_000,
    minimum=1,
    maximum=1_000_000,
    unit="uploads",
    description="How many unfinished uploads one organisation may have in all its projects.",
)
ACCOUNT_UPLOAD_BYTES = PolicyKey(
    name="storage.account_upload_bytes",
    default=1 << 40,
    minimum=1,
    maximum=1 << 52,
    unit="bytes",
    description="How much the unfinished uploads of one organisation may announce in all its projects.",
)
UPLOAD_HOURS = PolicyKey(
    name="storage.upload_hours",
    default=48,
    minimum=1,
    maximum=720,
    unit="h",
    description="How long an unfinished upload can be resumed. Afterwards its parts are removed and its room is free.",
)
UNDO_MINUTES = PolicyKey(
    name="storage.undo_minutes",
    default=1_440,
    minimum=1,
    maximum=129_600,
    unit="minutes",
    description="How long a deleted or replaced file can be restored.",
)
LINK_HOURS = PolicyKey(
    name="storage.link_hours",
    default=168,
    minimum=1,
    maximum=168,
    unit="h",
    description="The longest time that a link to a file may work. S3 itself allows seven days.",
)
ORPHAN_HOURS = PolicyKey(
    name="storage.orphan_hours",
    default=24,
    minimum=1,
    maximum=8_760,
    unit="h",
    description="An object in the bucket that no row knows is an orphan once it is this old.",
)
REMOVE_ORPHANS = PolicyKey(
    name="storage.remove_orphans",
    default=True,
    description="Whether orphans are removed from the bucket, or only reported.",
)

POLICIES = (
    QUOTA_BYTES,
    QUOTA_OBJECTS,
    LARGEST_FILE,
    OPEN_UPLOADS,
    ACCOUNT_UPLOADS,
    ACCOUNT_UPLOAD_BYTES,
    UPLOAD_HOURS,
    UNDO_MINUTES,
    LINK_HOURS,
    ORPHAN_HOURS,
    REMOVE_ORPHANS,
)
