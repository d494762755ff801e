"""`python -m sdot` is `sdot`."""

from sdot.cli import main

if __name__ == "__main__":
    main()
