"""A project with a real bucket behind it."""

import msgspec
import pytest

from tests.domains.storage.shelf import Shelf


@pytest.fixture
def settings(settings, s3):
    """The same settings with a store that answers."""
    from app.settings import S3Settings

    place = S3Settings(
        url=s3.url, public_url=s3.url, access_key=s3.access_key, secret_key=s3.secret_key, bucket=s3.bucket
    )
    return msgspec.structs.replace(settings, s3=place)


@pytest.fixture
async def runtime(runtime):
    """Closes what the process held: the threads that speak S3."""
    yield runtime
    from app.domains.storage.gateway.s3 import Bucket

    await runtime.part(Bucket).aclose()


@pytest.fixture
async def shelf(runtime, sign_in_as):
    """Ada's project, with what her browser does."""
    shelf = Shelf(runtime, await sign_in_as("ada"))
    yield shelf
    await shelf.s3.aclose()
