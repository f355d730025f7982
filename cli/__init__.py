"""The typer commands, one file each."""
