from workbench.figures.drawing import axis, curve, figure, layout
from workbench.figures.entry import Entry


@figure
def line(runs, theme, less=""):
    heights = [found["y"].values - (found["y_true"].values if less == "truth" else 0) for _, found in runs]
    data = [curve(theme, label or "line", found["x"].values, heights[k], theme.colour(k)) for k, (label, found) in enumerate(runs)]
    return {"data": data, "layout": layout(theme, xaxis=axis(theme, "x"), yaxis=axis(theme, "y"))}


FIGURES = {"line": Entry("Line", line, "line", "It goes through zero.", "y = a x")}
