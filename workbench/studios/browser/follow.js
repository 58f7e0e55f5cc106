// A run in a notebook cell: the bar of the pages, and their figures. the kernel sends the plotting library
// once per page, so that no cell, no reload and no saved notebook carries it.
import {render as renderBar} from "./bar.js"
import {h, superseded} from "./dom.js"
import {render as renderPlot} from "./plot_view.js"
const ASK_AGAIN = 4_000 // ms after which another cell asks too: the one that did may be gone
const ENDED = ["finished", "stopped", "failed", "died", "none"]

const slotOf = (url) => {
  const slot = ((globalThis.workbenchEngines ??= {})[url] ??= {asked: -Infinity, begun: false})
  slot.promise ??= new Promise((resolve, reject) => Object.assign(slot, {resolve, reject}))
  const slots = (globalThis.workbenchPlotly ??= {})
  slots[url] ??= slot.promise
  return slot
}

// The kernel's answer, or what it sends unasked with its first figure: a busy kernel cannot be asked.
async function receive(url, buffer) {
  const slot = slotOf(url)
  if (slot.begun) return
  slot.begun = true
  const script = document.createElement("script")
  const text = new Response(new Blob([buffer]).stream().pipeThrough(new DecompressionStream("gzip")))
  script.src = URL.createObjectURL(new Blob([await text.arrayBuffer()], {type: "text/javascript"}))
  script.onload = () => { URL.revokeObjectURL(script.src); slot.resolve(globalThis.Plotly) }
  script.onerror = () => slot.reject(new Error("The plotting library could not be loaded."))
  document.head.append(script)
}

function initialize({model}) {
  model.on("msg:custom", (message, buffers) => { if (message?.engine) receive(message.engine, buffers[0]) })
}

function ask(url, send) {
  const slot = slotOf(url)
  const look = () => {
    if (slot.begun) clearInterval(timer)
    else if (performance.now() - slot.asked > ASK_AGAIN) {
      slot.asked = performance.now()
      send({engine: url})
    }
  }
  const timer = setInterval(look, 500)
  return () => clearInterval(timer)
}

function render({model, el}) {
  const left = [] // what is to be undone when the cell goes
  const listen = (event, hear) => { model.on(event, hear); left.push(() => model.off(event, hear)) }
  const host = el.appendChild(document.createElement("div"))
  host.addEventListener("workbench:drawn", () => superseded(model.get("still")), {once: true})
  const root = host.attachShadow({mode: "open"})
  root.append(h("style", {}, model.get("sheet")))
  let alone = false // without a kernel, there is nobody to talk to
  const send = (message) => { if (!alone) model.send(message) }

  // Light or dark as the notebook is, unless the kernel says so.
  const dress = () => {
    const dark = model.get("theme") === "auto" ? document.body.dataset.jpThemeLight === "false" : model.get("theme") === "dark"
    host.dataset.theme = dark ? "dark" : "light"
    host.toggleAttribute("data-projector", model.get("theme") === "projector")
    if (model.get("theme") === "auto") send({theme: host.dataset.theme})
  }
  const watch = new MutationObserver(dress)
  watch.observe(document.body, {attributes: true, attributeFilter: ["data-jp-theme-light"]})
  left.push(() => watch.disconnect())

  // What stands in the bar; when the kernel has ended, a sentence instead of buttons that nobody hears.
  const state = () => {
    const told = JSON.parse(model.get("state"))
    if (!alone) return told
    const ended = ENDED.includes(told.state) ? told.sentence : "The kernel that followed this run has ended; the training goes on by itself. Run the cell again."
    return {...told, buttons: [], busy: false, sentence: ended, spoken: ended}
  }
  const bar = {
    get state() { return JSON.stringify(state()) },
    send_msg: send,
    on: (name, hear) => {
      listen(`change:${name}`, hear)
      listen("comm_live_update", () => { alone = true; hear() })
    },
  }
  const cards = JSON.parse(model.get("cards"))
  const url = model.get("engine_url")
  left.push(ask(url, send))
  const plots = cards.map(({name: figure, title, look, formula, height}, k) => {
    const plot = h("div", {class: "plot", style: `--needs: ${height}px; height: calc(${height}px + var(--legend, 0px)); flex: none`})
    const own = {
      get: (name) => (name === "wire" ? model.get(`wire_${k}`) : url),
      on: (event, hear) => listen(event === "change:wire" ? `change:wire_${k}` : event, hear),
      send: (message) => send({...message, figure: k}),
    }
    return {plot, own, card: h("section", {class: "card", "data-figure": figure, "aria-label": title},
      h("div", {class: "title"}, h("h2", {}, title), h("span", {class: "formula"}, formula)), h("p", {class: "look"}, look), plot)}
  })
  root.append(h("div", {class: "following"}, renderBar({model: bar}), h("div", {class: "cards"}, plots.map(({card}) => card))))
  for (const {plot, own} of plots) left.push(renderPlot({model: own, el: plot}))
  dress()
  return () => { for (const undo of left) undo() }
}

export default {initialize, render}
