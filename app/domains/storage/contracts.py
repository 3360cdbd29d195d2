"""What crosses the border of storage: nothing but an id. Commands and views are defined where they are used.

Throughout the domain sizes are bytes, instants UTC, digests base64 SHA-256. A path is checked
(`app.shared.storagepath`) where its type says so; text from outside is `str` and is checked first.
"""

from typing import NewType
from uuid import UUID

ObjectId = NewType("ObjectId", UUID)
