"""What setup.cfg cannot say: the folder experiments/ stands in an installed package as keras_leuk/experiments/."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["keras_leuk*"]), "keras_leuk.experiments"],
    package_dir={"keras_leuk.experiments": "experiments"},
)
