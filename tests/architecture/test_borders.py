"""The border guard of the tests sees what it must see."""

from tests.fixtures.borders import foreign_schemas


def test_a_join_into_another_domain_is_seen() -> None:
    statement = "SELECT * FROM billing.ledger_entries e JOIN auth.users u ON u.id = e.user_id"
    assert foreign_schemas(statement, "billing") == {"auth"}


def test_ones_own_schema_shared_and_literals_are_fine() -> None:
    statement = "INSERT INTO shared.dead_letters (source) SELECT 'auth.users' FROM billing.usage_records"
    assert foreign_schemas(statement, "billing") == set()
