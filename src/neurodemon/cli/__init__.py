"""The desk: parse → job → render. Typer and rich live here and nowhere else."""
