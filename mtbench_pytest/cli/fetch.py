"""`mtbench fetch`: public benches and human votes, to the user's cache."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from mtbench_pytest.bench.fetch.manifest import Collection, collections
from mtbench_pytest.core.errors import FetchError


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "fetch",
        help="public benches, by name",
        description="Brings public benches to the cache, each file checked by its sha256. Then "
        "--mtbench-bench NAME runs them. What is in the cache already is not loaded again and needs no "
        "network. Without a name it lists what there is.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(collections()))
    parser.add_argument("--list", action="store_true", help="what there is, with licence, size and place")
    parser.add_argument("--force", action="store_true", help="load again what is in the cache")
    parser.add_argument(
        "--base-url",
        metavar="URL",
        default=os.environ.get("MTBENCH_FETCH_URL"),
        help="a mirror of GitHub's raw files (default: MTBENCH_FETCH_URL, else GitHub's); datasets come from "
        "HF_ENDPOINT",
    )
    parser.set_defaults(run=_fetch)


def _fetch(arguments: argparse.Namespace) -> int:
    known = collections()
    for name in arguments.names:
        if name not in known:
            raise FetchError(name, "nothing of that name", f"one of {', '.join(known)}")
    if arguments.list or not arguments.names:
        print("\n".join(_listed([known[name] for name in arguments.names] or list(known.values()))))
        return 0
    for name in dict.fromkeys(arguments.names):
        _bring(known[name], arguments.base_url, force=arguments.force)
    return 0


def _bring(collection: Collection, base_url: str | None, *, force: bool) -> None:
    from mtbench_pytest.bench.fetch import GITHUB, fetch

    there = collection.folder.exists()
    problems = collection.problems()
    if not problems and not force:
        print(f"{collection.name}: in the cache, {collection.folder}")
        return
    if there and problems:
        print(f"{collection.name}: {problems[0]}, loaded again")
    try:
        folder = fetch(collection, base_url or GITHUB)
    except FetchError as error:
        more = f", or the files put into {collection.folder} by hand"
        if not problems:
            more = "; the copy in the cache stays"
        raise FetchError(error.given, error.problem, error.expected + more) from None
    print(f"{collection.name}: {folder} ({collection.origin}, {collection.licence})")


def _listed(wanted: list[Collection]) -> Iterator[str]:
    for collection in wanted:
        place = "not fetched" if collection.problems() else str(collection.folder)
        yield collection.name
        yield f"  {collection.about}"
        yield f"  {collection.origin}, {collection.licence}, {collection.size / 1000:.0f} kB, {place}"
