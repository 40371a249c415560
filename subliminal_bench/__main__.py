"""`python -m subliminal_bench`."""

from subliminal_bench.cli import main

if __name__ == "__main__":
    main()
