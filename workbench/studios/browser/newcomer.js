// For whoever is here for the first time: a tour of four steps, and what symbols mean. Both come when they are asked for, and leave.
import {h, write, typeset, symbols} from "./dom.js"
const TOURS = {
  Amplitudes: [
    [".action.train", "Press Train, or the space bar. A network begins to learn from simulated events, and all figures follow it."],
    ["[data-figure=systematic_pull]", "Watch the pull, the error divided by its error bar. On the dashed curve the error bar is right; wider means too sure of itself."],
    ["[data-option=noise]", "Raise the noise, for instance to 0.1, and train again: the data now scatter by 10 %."],
    ["[data-tab=uncertainties]", "Open Uncertainties: σ_syst has followed the noise, although nobody told the network how large it is."],
  ],
  Generators: [
    [".action.train", "Press Train, or the space bar. A network learns to turn random numbers into events."],
    ["[data-figure=cloud], [data-figure=losses]", "Watch its density and its events move onto the true ones. Sharp edges come last."],
    ["[data-tab=distributions]", "Open Distributions: the ratio to the truth should agree with 1 within the band."],
    ["[data-option=dataset]", "Choose another dataset, a ring for instance, and train again: which shapes are hard?"],
  ],
}
const SYMBOLS = [
  ["A", "amplitude: how likely nature makes the collision look like this; in GeV to some power, larger means more likely"],
  ["A_train", "the amplitude that the network is shown: with noise, if noise is on"],
  ["A_true", "the amplitude without noise, which the training does not see"],
  ["⟨A⟩", "the network's prediction, averaged over its weights"],
  ["Ā(θ)", "the prediction with one set of weights"],
  ["Δ", "relative error of the prediction: 0.01 means 1 % too large"],
  ["f", "size of the noise that is put onto the training amplitudes, as a fraction"],
  ["p", "probability density; in a sweep over the noise, the plateau: the smallest error bar that this network reaches"],
  ["σ", "an error bar; σ(x), the spread of a density at x"],
  ["Δp", "spread of a density between networks"],
  ["Δθ", "statistical error of a fitted parameter"],
  ["Σ", "a sum"],
  ["σ_syst", "learned error bar: noise of the data, and what the network cannot express; more data do not make it smaller"],
  ["σ_stat", "spread between networks that fit the same data: shrinks with more data"],
  ["σ_tot", "both together: σ_tot² = σ_syst² + σ_stat²"],
  ["t_syst", "pull: error divided by error bar. Honest error bars give a Gaussian of width 1, N(0,1)"],
  ["t_stat", "the same for one set of weights, with σ_stat"],
  ["t̂_M", "how far the mean of M draws is from the mean of all, in units of what is expected"],
  ["T", "factor by which all error bars would have to grow to be right"],
  ["L", "loss: what the training makes small"],
  ["KL", "how far the weights' Gaussians are from their prior; punishes weights that are too sure"],
  ["θ", "the network's weights"],
  ["q(θ)", "Gaussians that describe what the training knows of the weights"],
  ["N", "number of training events"],
  ["M", "number of draws of the weights"],
  ["z", "Gaussian random numbers, which a flow turns into events"],
  ["w_D", "weight of an event as a discriminator sees it: 1 where true and generated events cannot be told apart"],
  ["P", "probability; of an interval, the share of events in it"],
  ["h_truth", "histogram of true events; h is that of generated ones"],
  ["ΔR", "distance of two jets in angle: ΔR² = Δη² + Δφ²"],
  ["p_T", "momentum across the beam, in GeV"],
  ["nat", "unit of information: 1 nat = 1.44 bits"],
]

export function newcomer(name, within) {
  const words = h("p"), count = h("small"), marked = []
  const next = h("button", {type: "button", class: "action train", onclick: () => step(at + 1)}, "Next")
  const tour = h("div", {class: "tour", hidden: true, role: "dialog", "aria-label": "Tour"}, words,
    h("div", {class: "doing"}, count, next, h("button", {type: "button", onclick: () => step(-1)}, "Close the tour")))
  const steps = TOURS[name] ?? []
  let at = -1
  function step(to) {
    at = to < steps.length ? to : -1
    for (const element of marked.splice(0)) element.classList.remove("pointed")
    tour.hidden = at < 0
    if (at < 0) return
    const [selector, text] = steps[at]
    typeset(words, text)
    write(count, `Step ${at + 1} of ${steps.length}`)
    write(next, at + 1 < steps.length ? "Next" : "Done")
    for (const element of within(selector).filter((one) => one.checkVisibility()).slice(0, 1)) {
      element.classList.add("pointed")
      marked.push(element)
      element.scrollIntoView({block: "nearest"})
    }
  }
  const glossary = h("dialog", {class: "glossary", "aria-label": "What the symbols mean"}, h("h2", {}, "What the symbols mean"),
    h("dl", {}, SYMBOLS.flatMap(([symbol, meaning]) => [symbols("dt", {}, symbol), symbols("dd", {}, meaning)])),
    h("button", {type: "button", onclick: () => glossary.close()}, "Close"))
  const begin = h("button", {type: "button", class: "small", onclick: () => step(0)}, "Tour in four steps")
  const explain = h("button", {type: "button", class: "small", onclick: () => glossary.showModal()}, "Symbols")
  return {elements: [tour, glossary], begin, explain, open: () => glossary.showModal(), leave: () => step(-1), touring: () => at >= 0}
}
