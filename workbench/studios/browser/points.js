// Points of one's own for the network that is shown: dropped or chosen, answered by the server as a file.
import {h, typeset} from "./dom.js"

export function asking() {
  let run = "", going
  const ends = h("select", {"aria-label": "Format of the answer"}, ["csv", "nc"].map((end) => h("option", {value: end}, `.${end}`)))
  const chooser = h("input", {type: "file", hidden: true, "aria-label": "Points to send", onchange: () => { ask(chooser.files[0]); chooser.value = "" }})
  const choose = h("button", {type: "button", class: "small", title: "The file is sent to the workbench; the network says what it thinks of its points", onclick: () => chooser.click()}, "Choose points …")
  const cancel = h("button", {type: "button", class: "small", hidden: true, onclick: () => going?.abort()}, "Cancel")
  const progress = h("progress", {max: 1, value: 0, hidden: true, "aria-label": "Progress of the prediction"})
  const sentence = h("p", {role: "status"})
  const link = h("a", {class: "small", hidden: true, download: ""}, "Save the answer")
  const say = (text) => typeset(sentence, text)

  function busy(on) {
    choose.disabled = ends.disabled = on
    cancel.hidden = progress.hidden = !on
    if (on) link.hidden = true
  }

  // Sends a file and passes on what comes back line by line.
  async function ask(file) {
    if (!file || going) return
    going = new AbortController()
    progress.removeAttribute("value")
    busy(true)
    say(`Sending ${file.name} …`)
    try {
      const query = new URLSearchParams({run, name: file.name, end: ends.value})
      const answer = await fetch(`predict?${query}`, {method: "POST", body: file, headers: {"Content-Type": "application/octet-stream"}, signal: going.signal})
      if (answer.ok) await hear(answer.body.pipeThrough(new TextDecoderStream()).getReader())
      else say(await answer.text())
    } catch {
      say(going.signal.aborted ? "Cancelled." : `${file.name} could not be predicted: the connection was lost.`)
    }
    going = undefined
    busy(false)
  }

  async function hear(reader) {
    for (let rest = ""; ;) {
      const {value, done} = await reader.read()
      if (done) return
      const lines = (rest + value).split("\n")
      rest = lines.pop()
      for (const told of lines.map((line) => JSON.parse(line))) {
        if ("fraction" in told) progress.value = told.fraction
        say(told.problem ?? told.says ?? told.text ?? "")
        if (told.file) {
          link.href = told.file
          link.hidden = false
        }
      }
    }
  }

  const over = (event) => { event.preventDefault(); element.classList.add("over") }
  const element = h("section", {class: "own-points", hidden: true, "aria-label": "Points of your own", ondragover: over, ondragleave: () => element.classList.remove("over"),
    ondrop: (event) => { event.preventDefault(); element.classList.remove("over"); ask(event.dataTransfer.files[0]) }},
    h("p", {}, "Drop a file of points here to see what this network says of them."), h("div", {class: "buttons"}, choose, chooser, ends, cancel, link), progress, sentence)

  return {element, update: (predicts) => {
    if (predicts !== run && !going) { say(""); link.hidden = true }
    run = predicts
    element.hidden = !run && !going
  }}
}
