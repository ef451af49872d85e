"""``keras-leuk devices``."""

from __future__ import annotations

import click

from keras_leuk.cli import options


@click.command()
@options.as_json
def devices(as_json: bool) -> None:
    """Tell what training would run on and, where a GPU is out of reach, what to install."""
    from keras_leuk.devices.describe import describe

    facts = describe()
    if as_json:
        options.print_json(facts)
        return
    onednn = facts["onednn"]
    click.echo(f"uses:       {facts['uses']}")
    for gpu in facts["gpus"]:
        click.echo(f"GPU:        {gpu['name']} (compute capability {gpu['compute_capability'] or 'not stated'})")
    click.echo(f"CPU:        {facts['cpu']['cores']} cores, {facts['cpu']['machine']}")
    click.echo(f"oneDNN:     TF_ENABLE_ONEDNN_OPTS={onednn['TF_ENABLE_ONEDNN_OPTS']} (set by {onednn['set_by']})")
    click.echo(f"TensorFlow: {facts['versions']['tensorflow']}, Keras {facts['versions']['keras']}")
    if facts["advice"]:
        click.echo(f"advice:     {facts['advice']}")
    elif not facts["gpus"]:
        click.echo("advice:     no GPU found on this machine; frozen backbones train well on a CPU")
    click.echo("next: keras-leuk train")
