"""`metastack system`: what stacks are used for, one command a system."""

import typer

app = typer.Typer(
    help="Use a stack: links, sum rates, channel estimation, classification.",
    no_args_is_help=True,
)
