from workbench.families.lines.recipe import LineRecipe

from workbench.stories.story import Panel, Story, swept
from workbench.stories.verdict import Row, claim


def slopes(full: bool) -> Story:
    recipe = LineRecipe(steps=200, learning_rate=0.1)
    return Story(
        "slopes", "Steep or flat?", "y = a x", "Both arrive.", "Every slope is learned.", (Panel("line"),),
        **swept(recipe, slope=[0.5, 2.0]), rows=lambda scan: [*claim("Both are learned.", Row("off", float(scan["off"].max()), high=0.1))],
        seconds=1,
    )  # fmt: skip


STORIES = {"slopes": slopes}
