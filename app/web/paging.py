"""The parameters of every list: `?cursor=` and `?limit=`. What they mean is in `app.shared.paging`; in the API a
position travels sealed, see `app.web.cursors`."""

from typing import Annotated
from uuid import UUID

from litestar.params import QueryParameter

from app.shared.paging import LARGEST

Cursor = Annotated[UUID | None, QueryParameter(description="`next_cursor` of the page before")]
CursorText = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before", max_length=4_000)]
Limit = Annotated[int, QueryParameter(ge=1, le=LARGEST, description="how many at most")]
