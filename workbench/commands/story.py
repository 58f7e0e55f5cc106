"""Stories."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.commands.usage import Usage, store_of

if TYPE_CHECKING:
    from workbench.stories import Story


def story_command(options: argparse.Namespace) -> int:
    from workbench.stories import STORIES

    if options.table:
        print(story_table([options.name] if options.name else list(STORIES), full=options.full))
        return 0
    if not options.name:
        for name in STORIES:
            told = told_story(name, full=options.full)
            print(f"{name:16} {told.title}  (about {told.seconds} s on two cores)")
        return 0
    told = told_story(options.name, full=options.full)
    begun = told.begin(store_of(options), wait=True, on=options.on)
    verdict = told.judge(told.scan(begun))
    places = []
    if options.html:
        from workbench.runs import files
        from workbench.stories.take_home import take_home

        places.append(Path(options.html))
        places[-1].parent.mkdir(parents=True, exist_ok=True)
        files.replace(places[-1], take_home(told, begun).encode())
    if options.out or not options.html:
        places.append(told.write(Path(options.out or told.name), begun))
    print(told.title, verdict, *places, sep="\n")
    return 0 if verdict.holds else 1


def told_story(name: str, *, full: bool) -> Story:
    """A story by its name. Raises: Usage."""
    from workbench.stories import story

    try:
        return story(name, full=full)
    except ValueError as problem:
        raise Usage(str(problem)) from problem


def story_table(names: list[str], *, full: bool) -> str:
    """Stories as they were judged from the numbers that ship: headline, and each row with its mark, our number and what is expected."""
    from workbench.stories import MARKS, lines

    parts = [
        f"{MARKS['agrees']} as expected   {MARKS['differs']} not as expected   {MARKS['untested']} no number to compare with   "
        f"{MARKS['missing']} not measured"
    ]
    for name in names:
        told = told_story(name, full=full)
        kept = told.kept
        if kept is None:
            parts.append(f"{name}: {told.title}\n  No numbers come with the package; `workbench story {name}` makes them.")
            continue
        found = told.judge(kept)
        parts.append("\n".join([f"{name}: {found.headline}", f"  {told.title}. {told.talk}", *lines(found.rows)]))
    return "\n\n".join(parts)
