"""Postgres: schema, migrations, bulk copy, the embedded server, one module per family of tables."""
