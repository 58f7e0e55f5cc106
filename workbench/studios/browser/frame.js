// The page frame: places the parts, switches tabs, keeps the address bar and the keyboard.
import {h, symbols} from "./dom.js"
import {exporting} from "./export.js"
import {lectern} from "./lecture.js"
import {newcomer} from "./newcomer.js"
import {asking} from "./points.js"
const LONG = ["formula", "Python", "LaTeX"] // columns that take a line
const CLOSED = CSS.supports("selector(:open)") ? ":not(:open)" : "" // '' where no browser knows whether a menu is open

export function render({model, view}) {
  const page = globalThis.workbenchPage // set by page.html
  const send = (message) => { if (!page?.away) model.send_msg(message) }
  const cards = JSON.parse(model.cards)
  const tabs = JSON.parse(model.tabs)

  const exporter = exporting()
  const within = (root, selector) => [...root.querySelectorAll(selector), ...[...root.querySelectorAll("*")].flatMap((e) => (e.shadowRoot ? within(e.shadowRoot, selector) : []))]
  const guide = newcomer(JSON.parse(model.tour), (selector) => within(frame, selector))
  const notices = h("div", {class: "notices", role: "status"})
  const numbers = h("div", {class: "numbers"})
  const ribbon = h("p", {class: "ribbon", role: "status"})
  const lecture = lectern(send)
  const points = asking()

  const buttons = tabs.map(({name, title}) => h("button", {type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, "data-tab": name,
    onclick: ({detail, currentTarget}) => { show(name); send({tab: name}); if (detail) currentTarget.blur() }, // after a click, arrow keys belong to the page
    onkeydown: ({key}) => {
      const next = {ArrowRight: 1, ArrowLeft: -1}[key]
      const there = buttons.filter((button) => !button.hidden)
      if (next) there[(there.findIndex((button) => button.dataset.tab === name) + next + there.length) % there.length].focus()
    }}, title))

  function menu({name, label, values}) {
    const select = h("select", {"aria-label": label, "data-choice": name, onchange: () => send({[name]: select.value})}, values.map(([value, words]) => h("option", {value}, words)))
    return select
  }

  function slider({name, label, values}) {
    const say = h("output", {})
    const tell = ({currentTarget}) => { say.value = values[currentTarget.value][1]; send({[name]: values[currentTarget.value][0]}) }
    return h("label", {class: "nudge"}, `${label} `,
      h("input", {type: "range", min: 0, max: values.length - 1, step: 1, "aria-label": label, "data-slide": name, oninput: tell}), say)
  }

  function card({name, title, look, formula, choosers, height}) {
    const menus = choosers.filter(({slides}) => !slides).map(menu)
    const choice = menus.length
      ? menus
      : symbols("button", {type: "button", class: "formula", title: "What the symbols mean", onclick: () => guide.open()}, formula)
    return h("section", {class: "card", "data-figure": name, "aria-label": title},
      h("div", {class: "title"}, h("span", {}, symbols("h2", {onclick: ({currentTarget}) => fill(currentTarget.closest(".card")), title: "Fill the screen with this figure (Z); Esc leaves"}, title), " ", h("button", {type: "button", class: "small export", title: "Export this figure or its data (E)", "aria-label": `Export ${title}`,
        onclick: ({currentTarget}) => exporter.open(currentTarget.closest(".card"))}, "⤓")), choice), looking(look), h("div", {class: "nudges"}, choosers.filter(({slides}) => slides).map(slider)), h("div", {class: "plot", style: `--needs: ${height}px`}))
  }

  // What to look for; a small projector shows the first sentence only.
  function looking(look) {
    const [first, ...rest] = look.split(/(?<=[.?!;:]) (?=\p{Lu})/u)
    return h("p", {class: "look"}, symbols("span", {}, first), rest.length ? symbols("span", {class: "rest"}, ` ${rest.join(" ")}`) : null)
  }

  const made = cards.map(card)
  const choosers = cards.flatMap((one) => one.choosers)
  const panels = tabs.map(({name, lead}) => h("div", {class: "panel", role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, "data-tab": name},
    lead ? h("p", {class: "lead"}, symbols("span", {}, lead), ...(name === tabs[0].name ? [" ", guide.begin, " ", guide.explain] : [])) : null,
    name === "runs" || name === "stories" ? model.get_child(name) : h("div", {class: "cards"}, made.filter((_, i) => cards[i].tab === name))))

  // Puts figures into their cards; those of a tab come when it is first opened.
  function place() {
    const plots = model.get_child("plots")
    JSON.parse(model.placed).forEach((name, i) => {
      const slot = made[cards.findIndex((card) => card.name === name)].querySelector(".plot")
      if (plots[i] && slot.firstChild !== plots[i]) slot.replaceChildren(plots[i])
    })
  }

  function show(name) {
    buttons.forEach((button) => {
      button.setAttribute("aria-selected", button.dataset.tab === name)
      button.tabIndex = button.dataset.tab === name ? 0 : -1
    })
    panels.forEach((panel) => { panel.hidden = panel.dataset.tab !== name })
    if (frame.dataset.tab !== name) fill()
    if (frame.dataset.tab !== name) requestAnimationFrame(() => { // on a phone the tabs are a strip that is wider than the screen
      const chosen = buttons.find((button) => button.dataset.tab === name), strip = chosen?.parentElement
      if (strip) strip.scrollLeft = chosen.offsetLeft - strip.offsetLeft - (strip.clientWidth - chosen.offsetWidth) / 2
    })
    frame.dataset.tab = name
    document.documentElement.toggleAttribute("data-formless", name === "stories" || frame.matches("[data-follows], [data-bare]")) // no drawer to open
  }

  function table({columns, rows}) {
    const head = h("tr", {}, h("th", {scope: "col"}, "Run"), columns.map(({label, help}) => symbols("th", {scope: "col", title: help}, label)))
    const body = rows.map((row) => h("tr", {"data-run": row.id},
      h("th", {scope: "row"}, row.letter ? h("span", {class: "swatch", style: `border-color:${row.colour}`}, row.letter) : null, symbols("b", {}, row.title), " ", h("span", {class: `chip ${row.state}`}, row.words),
        rows.length > 1 && !row.first ? h("button", {type: "button", class: "undo", title: "Take out of the comparison", "aria-label": `Take ${row.title} out`, onclick: () => send({compare: row.id, on: false})}, "×") : null,
        h("small", {title: row.about}, row.about)),
      row.values.map((value, i) => h("td", {"data-column": columns[i].label, title: value}, symbols("small", {title: columns[i].help}, columns[i].label), symbols("span", {}, value)))))
    const short = columns.filter(({label}) => !LONG.includes(label)).length
    return rows.length ? h("table", {style: `--short: ${short}`}, h("thead", {}, head), h("tbody", {}, body)) : null
  }

  // A number has the widest place that its column ever had in this window, so that nothing beside it moves.
  let widest = {}
  function settle() {
    const look = `${innerWidth} ${"projector" in document.documentElement.dataset}`
    if (widest.look !== look) widest = {look}
    const cells = [...numbers.querySelectorAll("td")].filter(({dataset}) => !LONG.includes(dataset.column))
    for (const {dataset, lastChild} of cells) widest[dataset.column] = Math.max(widest[dataset.column] ?? 0, Math.ceil(lastChild.getBoundingClientRect().width))
    for (const {dataset, lastChild} of cells) lastChild.style.minWidth = `${widest[dataset.column]}px`
  }

  // A connection that broke while the computer slept may not know it: the server is asked, and a page that hears nothing loads itself again.
  const ANSWER = 600, SLEPT = 5_000 // milliseconds
  let looked = Date.now(), asked = 0, answered = 0
  const ask = () => {
    const question = ++asked
    send({awake: question})
    setTimeout(() => { if (answered < question) leave(0) }, ANSWER)
  }
  const watch = () => {
    const slept = Date.now() - looked > SLEPT
    looked = Date.now()
    if (slept && !document.hidden) ask()
  }
  const leave = (first) => {
    frame.querySelector("main").inert = true // a button that is pressed now would do nothing
    page.returns(first)
  }

  let drawn = ""
  function update() {
    const state = JSON.parse(model.state)
    answered = state.awake
    for (const button of buttons) button.hidden = state.hidden.includes(button.dataset.tab)
    lecture.update(state.lecture)
    points.update(state.predicts)
    const follows = Boolean(state.lecture?.follows)
    frame.toggleAttribute("data-follows", follows)
    frame.toggleAttribute("data-bare", state.bare)
    show(state.tab)
    for (const control of [...buttons, ...frame.querySelectorAll(".card select")]) control.disabled = follows
    for (const card of made) card.hidden = state.absent.includes(card.dataset.figure)
    for (const select of frame.querySelectorAll(".card select")) {
      const {choice} = select.dataset
      for (const option of select.options) option.hidden = option.disabled = !state.offered[choice].includes(option.value)
      select.value = state.chosen[choice]
    }
    for (const slider of frame.querySelectorAll(".card [data-slide]")) {
      const {values} = choosers.find(({name}) => name === slider.dataset.slide)
      slider.value = values.findIndex(([value]) => value === state.chosen[slider.dataset.slide])
      slider.nextSibling.value = values[slider.value][1]
    }
    notices.replaceChildren(...state.notices.map((text, i) => h("p", {class: "notice"}, h("span", {}, text),
      h("button", {type: "button", "aria-label": "Dismiss", onclick: () => send({dismiss: i})}, "×"))))
    frame.toggleAttribute("data-other", state.belongs.length > 0)
    const sentence = state.belongs.join("")
    if (sentence !== ribbon.title) ribbon.replaceChildren(...state.belongs.map((piece, i) => symbols(i % 2 ? "b" : "span", {}, piece)))
    ribbon.title = sentence
    const text = JSON.stringify(state.numbers)
    if (text !== drawn) numbers.replaceChildren(table(state.numbers) ?? "")
    if (text !== drawn) settle()
    drawn = text
    if (page && state.query !== undefined) {
      page.before = [...page.before.filter((address) => address !== location.href), location.href].slice(-8) // see page.js
      history.replaceState(null, "", location.pathname + state.query)
      if (parent !== window) parent.postMessage({workbench: state.query, page: location.pathname.split("/").pop()}, "*") // a notebook cell, which keeps it: see cell.js
    }
  }

  let walks = false // from control to control with the tab key; :focus-visible would be true from the first key on
  const clicked = () => { walks = false }
  // One figure on the whole screen: the one whose title is clicked, or for Z the one under the pointer, else the first. Again, or Esc, leaves.
  const slides = () => within(frame, ".figures .plot")
  const large = () => [...made, ...slides()].find((one) => one.classList.contains("full"))
  const fill = (one) => {
    const was = large()
    was?.classList.remove("full")
    if (one && one !== was) one.classList.add("full")
  }
  const zoom = () => {
    const there = [...made, ...slides()].filter((one) => one.checkVisibility())
    fill(large() ?? there.find((one) => one.matches(":hover")) ?? there[0])
  }

  function press(event) {
    if (event.key === "Tab") walks = true
    const on = event.composedPath()[0]
    const typing = on.closest?.("input:not([type=range],[type=checkbox],[type=radio]), textarea, dialog[open]")
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
    const menu = on.closest?.("select")
    if (menu && (key !== " " || !CLOSED || !menu.matches(CLOSED))) return // letters and arrows choose; Alt+↓ opens it
    // whoever walks with the tab key presses what has the focus; after a click space belongs to the page
    if (key === " " && (menu || !walks || !on.closest?.("button, input, summary, a"))) send({key: "space"})
    else if (key === "ArrowRight" && !on.closest?.("input, [role=tab]")) send({key: "right"})
    else if (frame.dataset.tab === "stories" && /^(ArrowLeft|PageUp|PageDown)$/.test(key) && !on.closest?.("input, [role=tab]") && (key === "ArrowLeft" || "projector" in document.documentElement.dataset))
      send({key: key === "PageDown" ? "right" : "left"}) // a presenter's clicker sends pages
    else if (key === "r" || key === "p") send({key})
    else if (/^[1-9]$/.test(key)) buttons.filter((button) => !button.hidden)[key - 1]?.click()
    else if (key === "e") exporter.open(frame)
    else if (key === "z") zoom()
    else if (key === "Escape" && large()) fill()
    else if (key === "Escape" && guide.touring()) guide.leave()
    else if (page?.keys[key]) page.keys[key]()
    else return
    event.preventDefault()
  }

  const frame = h("div", {class: "studio"},
    h("aside", {"aria-label": "Recipe"}, model.get_child("controls")),
    exporter.element, lecture.code, ...guide.elements,
    h("main", {}, notices, h("div", {class: "bar"}, model.get_child("bar")), numbers,
      h("div", {class: "deck"}, h("div", {class: "tabs", role: "tablist", "aria-label": "Figures"}, buttons), lecture.element), ribbon, panels, points.element))

  frame.addEventListener("workbench:chosen", ({detail}) => send(detail))
  const theme = () => send({theme: document.documentElement.dataset.theme ?? "light", projector: "projector" in document.documentElement.dataset})
  if (page) {
    document.addEventListener("keydown", press)
    document.addEventListener("pointerdown", clicked, true)
    document.addEventListener("workbench:theme", theme)
    view.model.document?.on_event("connection_lost", () => leave())
    const watching = setInterval(watch, 300)
    document.addEventListener("visibilitychange", watch)
    addEventListener("online", ask)
    model.on("remove", () => {
      clearInterval(watching)
      document.removeEventListener("visibilitychange", watch)
      removeEventListener("online", ask)
      document.removeEventListener("keydown", press)
      document.removeEventListener("pointerdown", clicked, true)
      document.removeEventListener("workbench:theme", theme)
    })
  }
  model.on("state", update)
  model.on("plots", place)
  place()
  update()
  document.documentElement.dataset.ready = ""
  return frame
}
