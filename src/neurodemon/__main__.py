"""Run the command line: `python -m neurodemon` is `neurodemon`."""

from neurodemon.cli.main import main

if __name__ == "__main__":
    main()
