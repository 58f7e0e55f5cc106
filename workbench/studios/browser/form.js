// The form of a recipe: built once from `spec`, kept in step with `state`; both are JSON. Every edit goes to Python as typed.
import {h, write, typeset, symbols, copy} from "./dom.js"
export function render({model}) {
  const spec = JSON.parse(model.spec)
  const page = globalThis.workbenchPage
  const send = (message) => { if (!page?.away) model.send_msg(message) } // what is typed meanwhile is said later: see unsaid
  const fields = {}
  const PASTED = ["curve", "classes"] // what may be pasted: two or three columns
  let pasting
  let view = {}

  const preset = h("select", {id: "preset", onchange: () => send({preset: preset.value})},
    spec.presets.map(({name, title}) => h("option", {value: name}, title)))
  const see = h("p", {class: "see"})
  const title = h("input", {id: "title", type: "text", maxlength: 80, autocomplete: "off", placeholder: "optional", onchange: () => send({title: title.value})})
  const where = h("select", {id: "where", onchange: () => send({where: where.value})})
  const changes = h("ul", {class: "changes", "aria-label": "What differs from the preset"})

  const groups = spec.groups.map((group) => {
    const more = group.more.map(field)
    const names = group.more.map(({label}) => label.replace(/ \[.*\]$/, "")).join(", ")
    const folded = more.length ? h("details", {}, h("summary", {title: names}, "More ", symbols("span", {}, names)), more) : null
    return h("fieldset", {class: "group"}, h("legend", {}, group.title), group.fields.map(field), folded)
  })

  const python = h("pre", {tabindex: 0})
  const command = h("pre", {tabindex: 0})
  const copier = (label, source) => {
    const button = h("button", {type: "button", class: "small", onclick: async () => {
      await copy(source.textContent)
      write(button, "Copied")
      setTimeout(() => write(button, label), 1500)
    }}, label)
    return button
  }
  const code = h("details", {class: "code"}, h("summary", {}, "The same from Python or a shell"),
    python, copier("Copy as Python", python), command, copier("Copy as command", command))

  function field({name, kind, label, help, allowed, choices, stops}) {
    const id = `option-${name}`
    const say = (value) => send({option: name, value})
    const error = h("p", {class: "wrong", id: `${id}-error`, role: "alert"})
    const note = h("p", {class: "axis", id: `${id}-note`, role: "status"})
    const tip = h("p", {class: "tip", id: `${id}-tip`, role: "tooltip"}, symbols("span", {}, help), h("code", {}, allowed ? `${name}: ${allowed}` : name))
    const place = () => tip.classList.toggle("above", info.getBoundingClientRect().bottom > innerHeight - 180) // never below the window
    const info = h("button", {type: "button", class: "info", "aria-label": `About ${label}`, "aria-describedby": tip.id, onpointerenter: place, onfocus: place}, "?")
    const undo = h("button", {type: "button", class: "undo", hidden: true, title: "Back to the preset's value", "aria-label": `Undo ${label}`, onclick: () => send({undo: name})}, "↺")
    const described = {"aria-describedby": `${tip.id} ${error.id} ${note.id}`}
    let control, show, read

    if (kind === "choice" && choices.length === 1) {
      control = h("output", {id}, choices[0].label)
      show = read = () => {}
    } else if (kind === "choice" && choices.length <= 4) {
      const radios = choices.map(({value, label: words}) => {
        const radio = h("input", {type: "radio", name: id, value, onchange: () => say(value)})
        return h("label", {}, radio, h("span", {}, words))
      })
      control = h("div", {class: choices.length === 4 ? "choices four" : "choices", role: "radiogroup", "aria-label": label, ...described}, radios)
      show = (text) => radios.forEach((item) => { item.firstChild.checked = item.firstChild.value === text })
      read = () => radios.find((item) => item.firstChild.checked)?.firstChild.value
    } else if (kind === "choice") {
      const select = h("select", {id, ...described, onchange: () => say(select.value)}, choices.map(({value, label: words}) => h("option", {value}, words)))
      control = select
      show = (text) => { select.value = text }
      read = () => select.value || undefined
    } else if (kind === "flag") {
      const box = h("input", {type: "checkbox", role: "switch", id, ...described, onchange: () => say(box.checked)})
      control = box
      show = (text) => { box.checked = text === "true" }
      read = () => String(box.checked)
    } else {
      const input = h("input", {type: "text", id, ...described, inputmode: kind === "number" ? "decimal" : "text", autocomplete: "off", spellcheck: "false",
        onchange: () => say(input.value), onkeydown: (event) => { if (event.key === "Enter") input.blur() }})
      control = input
      let slider
      if (stops.length) {
        slider = h("input", {type: "range", min: 0, max: stops.length - 1, step: 1, "aria-label": `${label}, slider`,
          oninput: () => { input.value = String(stops[slider.value]); slider.setAttribute("aria-valuetext", input.value) },
          onchange: () => say(String(stops[slider.value]))})
        control = [input, slider]
      }
      if (name === "file" && globalThis.workbenchPage) {
        const chooser = h("input", {type: "file", hidden: true, accept: ".h5,.hdf5,.nc,.csv,.txt,.dat,.gz,.npy,.npz,.lhe,.parquet,.root", "aria-label": "File to send", onchange: () => transmit(chooser, chosen, say)})
        const chosen = h("button", {type: "button", class: "small", title: "The file is sent to the workbench and checked there", onclick: () => chooser.click()}, "Choose a file …")
        const columns = h("textarea", {rows: 5, "aria-label": "Columns of numbers", spellcheck: "false", placeholder: "0.1  0.62\n0.2  0.48\n…"})
        const use = h("button", {type: "button", class: "small", onclick: () => transmit({files: [new File([columns.value], "pasted.csv")]}, use, say)}, "Use these columns")
        pasting = h("details", {class: "pasting", hidden: true}, h("summary", {}, "Paste columns"), columns, use)
        control = [input, h("div", {}, chosen, chooser, pasting)]
      }
      read = () => input.value
      show = (text) => {
        if (input.value !== text) input.value = text
        const number = Number(text)
        if (!slider || !Number.isFinite(number)) return
        const nearest = stops.reduce((best, stop, i) => (Math.abs(stop - number) < Math.abs(stops[best] - number) ? i : best), 0)
        slider.value = nearest
        slider.setAttribute("aria-valuetext", text)
      }
    }
    const [first, ...rest] = [control].flat()
    const caption = symbols(first.id ? "label" : "span", {class: "label", for: first.id || null}, label)
    const box = h("div", {class: `field ${kind} ${Array.isArray(control) && stops.length ? "sliding" : ""}`, "data-option": name}, h("div", {class: "line"}, caption, info, undo), first, rest, tip, error, note)
    fields[name] = {box, show, read, error, note, undo, first}
    return box
  }

  // Sends a file; what the recipe calls it then, or why it is refused, comes back.
  async function transmit(chooser, button, say) {
    const [file] = chooser.files
    if (!file) return
    const label = button.textContent
    button.disabled = true
    write(button, "Sending and checking …")
    try {
      const query = new URLSearchParams({name: file.name, kind: view.subject, units: view.texts.units ?? "auto"})
      const answer = await fetch(`upload?${query}`, {method: "POST", body: file, headers: {"Content-Type": "application/octet-stream"}})
      if (answer.ok) {
        const {file: kept, notes} = await answer.json()
        say(kept)
        for (const note of notes) send({refused: note})
      } else send({refused: await answer.text()})
    } catch {
      send({refused: `${file.name} could not be sent: the connection was lost.`})
    }
    chooser.value = ""
    button.disabled = false
    write(button, label)
  }

  function update() {
    const before = view
    view = JSON.parse(model.state)
    preset.value = view.preset
    typeset(see, view.see)
    const places = view.places ?? []
    if (String(places) !== String(before.places ?? [])) {
      where.replaceChildren(...["", ...places].map((name) => h("option", {value: name}, name || "This computer")))
    }
    where.value = view.where ?? ""
    if (view.title !== before.title) title.value = view.title // an answer to something else leaves alone what is being typed
    const changed = new Set(view.changes.map(({name}) => name))
    for (const [name, {box, show, error, note, undo, first}] of Object.entries(fields)) {
      const wrong = view.wrong[name] ?? ""
      box.hidden = view.hidden.includes(name)
      box.classList.toggle("changed", changed.has(name))
      box.classList.toggle("several", name in view.notes || Boolean(wrong)) // its slider cannot say this
      undo.hidden = !changed.has(name) && !wrong
      typeset(error, wrong)
      write(note, wrong ? "" : view.notes[name] ?? "")
      first.setAttribute("aria-invalid", Boolean(wrong))
      if (view.texts[name] !== before.texts?.[name] || wrong !== (before.wrong?.[name] ?? "")) show(view.texts[name])
      if (wrong) box.closest("details")?.setAttribute("open", "")
    }
    for (const details of groups.map((group) => group.querySelector("details")).filter(Boolean)) {
      details.hidden = [...details.querySelectorAll(".field")].every((box) => box.hidden)
    }
    for (const group of groups) group.hidden = [...group.querySelectorAll(".field")].every((box) => box.hidden)
    for (const [part, element] of Object.entries(parts)) element.hidden = view.apart.includes(part) || (part === "where" && !places.length)
    if (pasting) pasting.hidden = !PASTED.includes(view.subject)
    changes.replaceChildren(...view.changes.map(({name, label, old, new: now}) => h("li", {},
      h("span", {}, symbols("span", {}, `${label}: `), h("s", {}, old), ` ${now}`),
      h("button", {type: "button", "aria-label": `Undo ${label}`, title: "Undo", onclick: () => send({undo: name})}, "×"))))
    changes.hidden = !view.changes.length
    write(python, view.python)
    write(command, view.command)
  }

  const parts = {
    preset: h("div", {class: "field"}, h("div", {class: "line"}, h("label", {class: "label", for: "preset"}, "Preset")), preset, see, changes),
    title: h("div", {class: "field text"}, h("div", {class: "line"}, h("label", {class: "label", for: "title"}, "Title of the next run")), title),
    where: h("div", {class: "field", hidden: true}, h("div", {class: "line"}, h("label", {class: "label", for: "where"}, "Where the next run trains")), where),
    code,
  }
  // What stands here and the server does not know, or does not keep: typed while the connection was lost, or not yet finished, or wrong.
  function unsaid() {
    const options = Object.entries(fields).map(([name, {read}]) => [name, read()])
      .filter(([name, text]) => text !== undefined && (text !== view.texts[name] || view.wrong[name]))
    return {title: title.value, preset: preset.value === view.preset ? "" : preset.value, options}
  }

  model.on("state", update)
  update()
  if (page) {
    const {preset: chosen, title: named, options = []} = page.kept
    if (chosen) send({preset: chosen})
    if (named) send({title: named})
    for (const [option, value] of options) send({option, value})
    page.unsaid = unsaid
  }
  return h("form", {class: "recipe", onsubmit: (event) => event.preventDefault(), novalidate: true}, parts.preset, groups, parts.title, parts.where, code)
}
