"""``python -m keras_leuk``."""

from keras_leuk.cli.main import entry

if __name__ == "__main__":
    entry()
