from workbench.families.lines import LINES

from workbench.studios.pages.chooser import Chooser
from workbench.studios.pages.session import Tab
from workbench.studios.pages.view import Card, Studio


class Lines(Studio):
    family = LINES
    tabs = (Tab("training", "Training"), Tab("stories", "Stories"), Tab("runs", "Runs"))
    choosers = (Chooser("less", "What is drawn", {"": "the line", "truth": "the line less the truth"}, lambda what: {"less": what}),)
    cards = (Card("losses", "training"), Card("line", "training", choose=("less",)))
    columns = (("off", "Largest |y − y_true|"),)

    def describe(self, recipe):
        return f"slope {recipe.slope:g}"

    def numbers(self, picture):
        found = picture.of("line")
        return ["–"] if found is None else [f"{float(abs(found['y'] - found['y_true']).max()):.2g}"]
