"""The command `fvg` itself: its groups, and how it ends."""

import typer

from fvg_platform.cli.shared import end

app = typer.Typer(
    help="Market bars in, honest Fair Value Gap signals out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
db = typer.Typer(help="The database: start, stop, migrate, back up.", no_args_is_help=True)
docs = typer.Typer(help="What the platform holds its data to, for people.", no_args_is_help=True)
models = typer.Typer(help="The registry of models: which version serves, and why.", no_args_is_help=True)
app.add_typer(db, name="db")
app.add_typer(models, name="models")
app.add_typer(docs, name="docs")


def main() -> None:
    """The entry point: a fault that the platform knows ends in one message and exit code 1."""
    try:
        app()
    except Exception as error:
        # Errors meant for the reader are classes of our own; anything else is a defect and keeps its traceback.
        if not type(error).__module__.startswith("fvg_platform"):
            raise
        end(str(error.args[0]) if error.args else str(error))
