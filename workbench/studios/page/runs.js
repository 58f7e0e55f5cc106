// The list of runs: open, compare, delete. `state` is JSON.
export function render({model}) {
  const send = (message) => model.send_msg(message)
  const body = h("tbody")
  const empty = h("p", {class: "empty"}, "No runs of your own yet. Press Train: the run appears here and stays after the page is closed.")
  let asked = ""

  function row(run) {
    const open = h("button", {type: "button", class: "link", title: "Show this run", onclick: () => send({open: run.id})}, run.title)
    const compare = h("input", {type: "checkbox", "aria-label": `Compare ${run.title}`, onchange: () => send({compare: run.id, on: compare.checked})})
    compare.checked = run.compared
    compare.disabled = run.open
    const remove = asked === run.id
      ? h("span", {class: "confirm"}, "Delete? ", h("button", {type: "button", class: "small danger", onclick: () => { asked = ""; send({delete: run.id}) }}, "Delete"),
        h("button", {type: "button", class: "small", onclick: () => { asked = ""; update() }}, "Keep"))
      : h("button", {type: "button", class: "small", hidden: run.example, disabled: run.live, title: run.live ? "Stop the run before deleting it" : "Delete this run",
        "aria-label": `Delete ${run.title}`, onclick: () => { asked = run.id; update() }}, "Delete")
    return h("tr", {class: run.open ? "open" : "", "data-run": run.id},
      h("td", {}, compare),
      h("td", {}, open, h("small", {}, run.about)),
      h("td", {}, h("span", {class: `chip ${run.state}`}, run.words)),
      h("td", {class: "number"}, run.steps),
      h("td", {}, h("time", {}, run.when), h("small", {}, run.id)),
      h("td", {}, remove))
  }

  function update() {
    const {rows = []} = JSON.parse(model.state)
    body.replaceChildren(...rows.map(row))
    empty.hidden = rows.some((run) => !run.example)
  }

  model.on("state", update)
  update()
  return h("div", {class: "runs"}, empty, h("div", {class: "scroll"}, h("table", {},
    h("thead", {}, h("tr", {}, ["Compare", "Run", "State", "Steps", "Made", ""].map((name) => h("th", {scope: "col"}, name)))), body)))
}
