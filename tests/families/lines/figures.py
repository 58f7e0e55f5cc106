from workbench.figures.drawing import axis, curve, figure, layout
from workbench.figures.entry import Entry


@figure
def line(runs, theme):
    data = [curve(theme, label or "line", found["x"].values, found["y"].values, theme.colour(k)) for k, (label, found) in enumerate(runs)]
    return {"data": data, "layout": layout(theme, xaxis=axis(theme, "x"), yaxis=axis(theme, "y"))}


FIGURES = {"line": Entry("Line", line, "line", "It goes through zero.", "y = a x")}
