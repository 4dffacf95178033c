"""``python -m restore``: the command line; torchrun takes it as ``-m restore``."""

from restore.cli.main import main

if __name__ == "__main__":
    main()
