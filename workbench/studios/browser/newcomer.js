// For whoever is here for the first time: a tour of four steps, and what symbols mean. Both come when they are asked for, and leave.
import {h, write, typeset, symbols} from "./dom.js"
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
  ["ω", "the weights of a network, on pages that use the letter of a first lecture; β is the number that a neuron adds"],
  ["φ", "what a neuron does to its sum; elsewhere the angle around the beam"],
  ["η", "how far the weights move in a step; elsewhere the angle along the beam"],
  ["y", "what is to be learned of a point: a value, or its class"],
  ["p_S", "density of the signal; p_B is that of the background"],
  ["ε_S", "share of the signal that a cut keeps; ε_B is that of the background"],
  ["AUC", "area under the curve of a classifier: 1/2 for guessing, 1 for one that is never wrong"],
  ["ECE", "how far, on average, said and true probability are apart"],
  ["μ", "predicted probability, averaged over the networks; its spread is σ"],
  ["σ_z", "spread of z, the logarithm of p/(1 − p)"],
  ["r(x|θ)", "likelihood ratio: how much more likely an event is at θ than in the Standard Model; r̂ is the learned one"],
  ["t", "score: how fast log r grows when θ leaves the Standard Model"],
  ["q(f)", "how much less likely the observed events are at f than at best; contours are drawn at its quantiles"],
  ["I", "information of an observable on θ: its inverse bounds the variance of any estimate"],
  ["f_T", "strength of an effect that violates CP, zero in the Standard Model; f_W and f_WW are two that do not, in TeV⁻²"],
  ["s", "score of a formula, where a smaller one is better; of jets, the share by which their energies are shifted"],
  ["MSE", "mean squared error"],
]

// `steps` are [what is pointed at, what is said].
export function newcomer(steps, within) {
  const words = h("p"), count = h("small"), marked = []
  const next = h("button", {type: "button", class: "action train", onclick: () => step(at + 1)}, "Next")
  const tour = h("div", {class: "tour", hidden: true, role: "dialog", "aria-label": "Tour"}, words,
    h("div", {class: "doing"}, count, next, h("button", {type: "button", onclick: () => step(-1)}, "Close the tour")))
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
    if (within(`.recipe ${selector}`).length) dispatchEvent(new Event("workbench:recipe")) // its drawer opens
    for (const element of within(selector).filter((one) => one.checkVisibility()).slice(0, 1)) {
      element.classList.add("pointed")
      marked.push(element)
      element.scrollIntoView({block: "nearest"})
    }
  }
  const glossary = h("dialog", {class: "glossary", "aria-label": "What the symbols mean"}, h("h2", {}, "What the symbols mean"),
    h("dl", {}, SYMBOLS.flatMap(([symbol, meaning]) => [symbols("dt", {}, symbol), symbols("dd", {}, meaning)])),
    h("button", {type: "button", onclick: () => glossary.close()}, "Close"))
  const begin = steps.length ? h("button", {type: "button", class: "small", onclick: () => step(0)}, "Tour in four steps") : null
  const explain = h("button", {type: "button", class: "small", onclick: () => glossary.showModal()}, "Symbols")
  return {elements: [tour, glossary], begin, explain, open: () => glossary.showModal(), leave: () => step(-1), touring: () => at >= 0}
}
