"""Run the command line from a checkout: ``python cli.py enhance IN OUT``."""

from restore.cli.main import main

if __name__ == "__main__":
    main(prog_name="restore")
