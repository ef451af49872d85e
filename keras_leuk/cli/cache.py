"""``keras-leuk cache``."""

from __future__ import annotations

from typing import Any

import click

from keras_leuk.cli import options


@click.command()
@click.option("--clear", is_flag=True, help="Remove decoded images, features, fingerprints and demo cells.")
@options.cache_dir
@options.as_json
def cache(clear: bool, cache_dir: str | None, as_json: bool) -> None:
    """Tell what the cache folder holds, or clear it. Whatever is cleared is computed again when it is needed."""
    from keras_leuk.store.address import cache_folder
    from keras_leuk.store.arrays import clear as clear_stores
    from keras_leuk.store.arrays import inventory

    folder = cache_folder(cache_dir)
    if clear:
        freed = clear_stores(folder)
        if as_json:
            options.print_json({"cache": str(folder), "freed_bytes": freed})
        else:
            click.echo(f"{folder}: {freed / 1e6:.1f} MB freed")
        return
    stores = inventory(folder)
    if as_json:
        options.print_json({"cache": str(folder), "bytes": sum(s["bytes"] for s in stores), "stores": stores})
        return
    for store in stores:
        facts = store["facts"]
        click.echo(f"{store['kind']:9} {store['rows']:7} rows {store['bytes'] / 1e6:9.1f} MB  {_what(store['kind'], facts)}")
    click.echo(f"cache: {folder}, {sum(s['bytes'] for s in stores) / 1e6:.1f} MB in {len(stores)} stores")
    click.echo("next:  keras-leuk cache --clear")


def _what(kind: str, facts: dict[str, Any]) -> str:
    if kind == "features":
        return f"{facts['backbone']}, {facts['pooling']}, {facts['weights']['kind']} weights"
    if kind == "handmade":
        return f"hand-made features, version {facts['version']}"
    return f"{facts.get('size')}x{facts.get('size')}, {facts.get('interpolation')}{_steps(facts)}"


def _steps(facts: dict[str, Any]) -> str:
    """Crop and contrast of cached pictures, where there are any."""
    crop, contrast = facts.get("crop", "none"), facts.get("contrast", "none")
    return (f", crop {crop}" if crop != "none" else "") + (f", contrast {contrast}" if contrast != "none" else "")
