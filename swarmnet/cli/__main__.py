"""``python -m swarmnet.cli`` is ``swarmnet``."""

from swarmnet.cli.main import main

if __name__ == "__main__":
    main()
