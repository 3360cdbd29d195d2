"""Parameters of queries that many routes have: filters of lists, words to search for, and switches of pages."""

from typing import Annotated
from uuid import UUID

from litestar.params import QueryParameter

Flag = Annotated[str, QueryParameter(max_length=1)]  # any character switches it on
AllFlag = Annotated[str, QueryParameter(name="all", max_length=1)]
ShortText = Annotated[str, QueryParameter(max_length=40)]
Text = Annotated[str, QueryParameter(max_length=100)]
LongText = Annotated[str, QueryParameter(max_length=200)]
OptionalText = Annotated[str | None, QueryParameter(max_length=100)]
OptionalId = Annotated[UUID | None, QueryParameter()]
Search = Annotated[str, QueryParameter(name="q", max_length=100)]
OptionalSearch = Annotated[str | None, QueryParameter(name="q", max_length=100)]
State = Annotated[str, QueryParameter(name="state", max_length=20)]  # a parameter called `state` is Litestar's own
OptionalState = Annotated[str | None, QueryParameter(name="state", max_length=100)]
