// A story as a slide: title, formula, figures, what to look at, what the talk found, our numbers. `state` is JSON; `spec` lists all stories.
import {h, write, typeset, copy} from "./dom.js"
const MEANS = {agrees: "as expected", differs: "not as expected", untested: "no number to compare with", missing: "not measured yet"}

export function render({model}) {
  const send = (message) => model.send_msg(message)
  const stories = JSON.parse(model.spec)

  const list = h("ol", {}, stories.map(({name, title}) => {
    const button = h("button", {type: "button", "data-story": name, onclick: () => send({story: name})})
    typeset(button, title)
    return h("li", {}, button)
  }))
  const select = h("select", {"aria-label": "Story", onchange: () => send({story: select.value})}, stories.map(({name, menu}, i) => h("option", {value: name}, `${i + 1}. ${menu}`)))
  const turn = (label, by) => h("button", {type: "button", class: "turn", title: `${by < 0 ? "Previous" : "Next"} story (${by < 0 ? "←" : "→"})`, "aria-label": `${by < 0 ? "Previous" : "Next"} story`,
    onclick: () => send({key: by < 0 ? "left" : "right"})}, label)
  const chooser = h("nav", {class: "chooser", "aria-label": "Stories"}, list, h("div", {class: "short"}, turn("←", -1), select, turn("→", 1)))

  const title = h("h2"), formula = h("p", {class: "formula"}), look = h("p", {class: "look"})
  const slots = h("div", {class: "figures"})
  const talk = h("p"), words = h("span", {class: "chip"}), judged = h("p"), head = h("tr"), rows = h("tbody")
  const table = h("div", {class: "scroll", tabindex: 0, "aria-label": "Numbers"}, h("table", {}, h("thead", {}, head), rows))
  const ours = h("section", {class: "ours", "aria-label": "What we find"}, h("h3", {}, "Our trainings ", words), judged, table)
  const theirs = h("section", {class: "theirs", "aria-label": "What the talk found"}, h("h3", {}, "The talk"), talk)

  const train = h("button", {type: "button", class: "action train", "data-tell": "train", onclick: () => send({tell: "train"})})
  const stop = h("button", {type: "button", class: "action stop", "data-tell": "stop", onclick: () => send({tell: "stop"})}, "Stop")
  const other = h("button", {type: "button", class: "small", onclick: () => send({tell: other.dataset.tell})})
  const stands = h("p", {class: "stands"}), progress = h("progress", {max: 1, "aria-label": "Progress of the trainings"})
  const sources = h("ul", {class: "sources", "aria-label": "Trainings it was drawn from"})
  let view = {}
  const copier = (label, source) => {
    const button = h("button", {type: "button", class: "small", title: "", onclick: async () => {
      await copy(view[source])
      write(button, "Copied")
      setTimeout(() => write(button, label), 1500)
    }}, label)
    return button
  }
  const home = h("a", {download: true, title: "The slide as one file, which opens without a network", onclick: () => {
    write(home, "Writing …")
    setTimeout(() => write(home, "Take home"), 4000)
  }}, "Take home")
  const foot = h("footer", {}, h("div", {class: "doing"}, train, stop, other, stands, copier("Copy as Python", "python"), copier("Copy as command", "command"), home), progress, sources)
  const side = h("div", {class: "side"}, look, theirs, ours)
  const slide = h("article", {class: "slide"}, h("div", {class: "top"}, title, formula), slots, side, foot)

  function place() {
    const plots = model.get_child("plots")
    while (slots.children.length < plots.length) slots.append(h("div", {class: "plot"}))
    plots.forEach((plot, i) => { if (slots.children[i].firstChild !== plot) slots.children[i].replaceChildren(plot) })
    show()
  }

  // In a hall everything of a slide is on the screen: the letters beside the figures shrink until they fit.
  const SIZES = [1.1, 1, 0.9, 0.8, 0.72, 0.64, 0.56]
  function fit() {
    const hall = "projector" in document.documentElement.dataset
    for (const size of hall ? SIZES : [""]) {
      side.style.fontSize = size && `${size}em`
      if (side.scrollHeight <= side.clientHeight) return
    }
  }

  function show() {
    ;[...slots.children].forEach((slot, i) => { slot.hidden = i >= (view.panels?.length ?? 1) })
  }

  let drawn = ""
  function update() {
    view = JSON.parse(model.state)
    if (!view.name) return
    slide.dataset.story = view.name
    chooser.hidden = Boolean(view.follows)
    for (const button of list.querySelectorAll("button")) {
      const chosen = button.dataset.story === view.name
      if (chosen && button.ariaCurrent !== "page") button.scrollIntoView?.({block: "nearest"})
      button.ariaCurrent = chosen ? "page" : null
    }
    select.value = view.name
    for (const [element, text] of [[title, view.title], [formula, view.formula], [look, view.look], [talk, view.talk]]) typeset(element, text)
    write(stands, view.sentence)
    write(train, view.train.label)
    train.disabled = !view.train.enabled
    train.hidden = !view.train.shown
    stop.hidden = !view.stop
    other.hidden = !view.other
    home.hidden = !view.home
    home.href = view.home
    other.dataset.tell = view.other.startsWith("Back") ? "shipped" : "here"
    write(other, view.other)
    progress.hidden = !view.live && view.progress == null
    if (view.progress == null) progress.removeAttribute("value")
    else progress.value = view.progress
    const text = JSON.stringify([view.verdict, view.sources])
    if (text !== drawn) {
      const verdict = view.verdict ?? {state: "unknown", words: "not known yet", sentence: "Nothing has been trained yet.", columns: [], rows: []}
      words.className = `chip ${verdict.state}`
      write(words, verdict.words)
      typeset(judged, verdict.sentence)
      table.hidden = !verdict.rows.length
      head.replaceChildren(...verdict.columns.map((name) => h("th", {scope: "col"}, name)))
      rows.replaceChildren(...verdict.rows.map(([mark, sign, what, ...values]) => {
        const name = h("th", {scope: "row"})
        typeset(name, what)
        return h("tr", {class: mark}, h("td", {class: "mark", title: MEANS[mark], "aria-label": MEANS[mark]}, sign), name,
          values.map((text) => h("td", {}, text.replaceAll(" %", "\u00a0%"))))
      }))
      sources.replaceChildren(...view.sources.map((run) => h("li", {}, h("button", {type: "button", class: "link", title: `Show this run: ${run.title}`, onclick: () => send({open: run.id})}, run.id), ` ${run.words}`)))
    }
    drawn = text
    show()
    fit()
  }

  const watch = new ResizeObserver(fit)
  watch.observe(slide)
  model.on("remove", () => watch.disconnect())

  model.on("state", update)
  model.on("plots", place)
  place()
  update()
  return h("div", {class: "lecture"}, chooser, slide)
}
