"""Asset checks: predicates from the quality package, held against the tables."""
