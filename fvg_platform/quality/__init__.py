"""What must be true of each table: pure predicates and Great Expectations suites."""
