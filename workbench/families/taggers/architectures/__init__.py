"""Networks that tell top jets from QCD jets, each a file: images, sets, graphs, attention, Lorentz vectors."""
