// The list of runs: open, compare, delete. `state` is JSON.
import {h, write, symbols, copy} from "./dom.js"
export function render({model}) {
  const send = (message) => model.send_msg(message)
  const body = h("tbody")
  const empty = h("p", {class: "empty"}, "No runs of your own yet. Press Train: the run appears here and stays after the page is closed.")
  const apart = h("section", {class: "apart", "aria-label": "Only the differences"})
  let asked = "", compared = "", later
  const search = h("input", {type: "text", inputmode: "search", "aria-label": "Search runs", placeholder: "Search: title, option, value, date", autocomplete: "off", spellcheck: "false", maxlength: 200,
    oninput: () => { clearTimeout(later); later = setTimeout(() => send({search: search.value}), 150) }})
  const turn = (label, title, parts) => h("button", {type: "button", class: "small", title, onclick: () => send({place: Math.max(0, seen.first + parts * seen.most)})}, label)
  const newer = turn("← Newer", "The newer runs before these", -1), older = turn("Older →", "The older runs after these", 1)
  const where = h("span", {role: "status"})
  const finder = h("div", {class: "finder"}, search, where, newer, older)
  const waiting = h("button", {type: "button", class: "small", title: "The trainings go on; what was stopped can be resumed", onclick: () => send({waiting: "stop"})})
  let seen = {first: 0, most: 0}

  function row(run) {
    const open = symbols("button", {type: "button", class: "link", title: "Show this run", onclick: () => send({open: run.id})}, run.title)
    const compare = h("input", {type: "checkbox", "aria-label": `Compare ${run.title}`, onchange: () => send({compare: run.id, on: compare.checked})})
    compare.checked = run.compared
    compare.disabled = run.open
    const remove = asked === run.id
      ? h("span", {class: "confirm"}, "Delete? ", h("button", {type: "button", class: "small danger", onclick: () => { asked = ""; send({delete: run.id}) }}, "Delete"),
        h("button", {type: "button", class: "small", onclick: () => { asked = ""; update() }}, "Keep"))
      : h("button", {type: "button", class: "small", hidden: run.example || Boolean(run.locked), disabled: run.live, title: run.live ? "Stop the run before deleting it" : "Delete this run",
        "aria-label": `Delete ${run.title}`, onclick: () => { asked = run.id; update() }}, "Delete")
    const events = run.download && globalThis.workbenchPage
      ? h("a", {class: "small", href: run.download, download: true, title: "Events drawn from the mean weights, as HDF5", "aria-label": `New events of ${run.title}`}, "New events") : null
    return h("tr", {class: run.open ? "open" : "", "data-run": run.id},
      h("td", {}, compare),
      h("td", {}, open, symbols("small", {title: run.about}, run.about)),
      h("td", {}, h("span", {class: `chip ${run.state}`}, run.words), run.where ? h("small", {title: run.where}, run.where) : ""),
      h("td", {class: "number"}, run.steps),
      h("td", {}, h("time", {}, run.when), h("small", {}, run.id)),
      h("td", {class: "last"}, events, " ", remove))
  }

  // What sets the compared runs apart, and nothing else.
  function differences({runs, rows, text}) {
    const copier = h("button", {type: "button", class: "small", onclick: async () => {
      await copy(text)
      write(copier, "Copied")
      setTimeout(() => write(copier, "Copy table"), 1500)
    }}, "Copy table")
    const table = h("table", {}, h("thead", {}, h("tr", {}, ["Option", ...runs].map((name) => h("th", {scope: "col", title: name}, name)))),
      h("tbody", {}, rows.map(({label, values}) => h("tr", {}, symbols("th", {scope: "row"}, label), values.map((value) => h("td", {}, value))))))
    apart.replaceChildren(h("div", {class: "title"}, h("h2", {}, "Only the differences"), rows.length ? copier : ""),
      rows.length ? h("div", {class: "scroll"}, table) : h("p", {}, "The compared runs have the same recipe."))
  }

  function update() {
    const {rows = [], differs, sought = "", first = 0, most = 100, total = rows.length, waiting: queued = 0} = JSON.parse(model.state)
    seen = {first, most}
    waiting.hidden = queued < 2
    write(waiting, `Stop all ${queued} that wait`)
    finder.hidden = total <= 10 && !sought
    if (!search.matches(":focus") && search.value !== sought) search.value = sought
    write(where, total > most ? `${(first + 1).toLocaleString("en")} to ${(first + rows.length).toLocaleString("en")} of ${total.toLocaleString("en")}` : sought ? `${total || "No"} ${total === 1 ? "run" : "runs"}` : "")
    newer.hidden = older.hidden = total <= most
    newer.disabled = first === 0
    older.disabled = first + most >= total
    const text = JSON.stringify(differs ?? "")
    apart.hidden = !differs
    if (differs && text !== compared) differences(differs)
    compared = text
    body.replaceChildren(...rows.map(row))
    empty.hidden = rows.some((run) => !run.example) || Boolean(sought) || first > 0
  }

  model.on("state", update)
  update()
  return h("div", {class: "runs"}, apart, finder, waiting, empty, h("div", {class: "scroll list"}, h("table", {},
    h("thead", {}, h("tr", {}, ["Compare", "Run", "State", "Steps", "Made", ""].map((name) => h("th", {scope: "col"}, name)))), body)))
}
