"""Predictions can only be added, and are read together with their outcomes."""

from alembic import op

revision = "0002_append_only"
down_revision = "0001_first_tables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the table % is append-only: what was predicted stays as it was said', TG_TABLE_NAME;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER predictions_append_only BEFORE UPDATE OR DELETE ON predictions "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        """
        CREATE VIEW prediction_results AS
        SELECT p.ticker, p.timeframe, p.ts, p.side, p.config_id, p.model_version, p.day, p.known_at,
               p.entry, p.stop, p.target_1, p.target_2, p.target_3,
               p.p_entered, p.p_target_1, p.p_target_2, p.p_target_3, p.in_sample, p.flag,
               o.status, o.outcome_1_lo, o.outcome_1_hi, o.outcome_2_lo, o.outcome_2_hi,
               o.outcome_3_lo, o.outcome_3_hi, o.r_1_lo, o.r_1_hi, o.r_2_lo, o.r_2_hi, o.r_3_lo, o.r_3_hi,
               o.resolved_at
        FROM predictions p
        LEFT JOIN prediction_outcomes o USING (ticker, timeframe, ts, side, config_id, model_version)
        """
    )


def downgrade() -> None:
    op.execute("DROP VIEW prediction_results")
    op.execute("DROP TRIGGER predictions_append_only ON predictions")
    op.execute("DROP FUNCTION refuse_change()")
