// The buttons of a run, its progress, one sentence about where it stands, and a slider over its snapshots. `state` is JSON; a press goes to Python by name.
import {h, icon, write} from "./dom.js"
const ICONS = {
  train: "M8 5v14l11-7z", resume: "M8 5v14l11-7z", pause: "M6 5h4v14H6zM14 5h4v14h-4z", continue: "M8 5v14l11-7z",
  step: "M6 5v14l9-7zM16 5h3v14h-3z", stop: "M6 6h12v12H6z", change: "M4 7h9V4l7 5-7 5v-3H4zM4 17h16v2H4z", reset: "M12 5V2L7 6.5 12 11V8a5 5 0 1 1-5 5H4a8 8 0 1 0 8-8z",
}
const REPLAY = "Replay the training in 10 s (P)"

export function render({model}) {
  const buttons = h("div", {class: "buttons", role: "group", "aria-label": "Training"})
  const made = {}
  const progress = h("progress", {max: 1, "aria-label": "Progress"})
  const sentence = h("p", {class: "sentence"})
  const device = h("span", {class: "device"})
  const spoken = h("p", {class: "spoken", role: "status", "aria-live": "polite"})

  const EVERY = 250 // ms between two steps that are asked for while the slider is drawn
  let moved = 0, asked = "", timer
  const slider = h("input", {type: "range", min: 0, step: 1, "aria-label": "Step that is shown", title: "Replay the training from its snapshots (P)",
    oninput: () => { moved = performance.now(); if (timer === undefined) timer = setTimeout(ask, asked === "" ? 0 : EVERY) }})
  function ask() {
    timer = undefined
    if (slider.value === asked) { asked = ""; return }
    asked = slider.value
    model.send_msg({time: Number(asked)})
    timer = setTimeout(ask, EVERY)
  }
  const play = h("button", {type: "button", class: "small play", title: REPLAY, "aria-label": REPLAY, onclick: () => model.send_msg({time: "play"})}, "▶")
  const stepped = h("output", {class: "step"})
  const newest = h("button", {type: "button", class: "small newest", onclick: () => model.send_msg({time: "newest"})}, "End")
  const time = h("div", {class: "time", role: "group", "aria-label": "Time"}, play, slider, stepped, newest)

  function showTime(now) {
    for (const control of [play, slider, newest]) control.disabled = !now
    if (!now) return write(stepped, "")
    slider.max = now.count - 1
    if (performance.now() - moved > 3 * EVERY) slider.value = now.index
    slider.setAttribute("aria-valuetext", now.sentence)
    write(stepped, now.sentence)
    write(play, now.playing ? "❚❚" : "▶")
    play.title = now.playing ? "Stop the replay (P)" : REPLAY
    play.setAttribute("aria-label", play.title)
    write(newest, now.live ? "Live" : "End")
    newest.title = now.live ? "Follow the training" : "Back to the final prediction"
    newest.disabled = now.newest
  }

  function button(name) {
    const label = h("span")
    const element = h("button", {type: "button", class: `action ${name}`, "data-action": name, onclick: () => model.send_msg({action: name})}, icon(ICONS[name]), label)
    return (made[name] ??= {element, label})
  }

  function update() {
    const view = JSON.parse(model.state)
    const shown = view.buttons.map(({name, label, enabled, title}) => {
      const made = button(name)
      write(made.label, label)
      made.element.disabled = !enabled
      made.element.title = title
      return made.element
    })
    if (shown.length !== buttons.children.length || shown.some((element, i) => buttons.children[i] !== element)) buttons.replaceChildren(...shown)
    bar.dataset.state = view.state
    if (view.progress == null) progress.removeAttribute("value")
    else progress.value = view.progress
    progress.classList.toggle("resting", !view.busy)
    time.hidden = !view.buttons.length // a page that follows another
    write(sentence, view.sentence)
    write(device, view.device.split(",")[0])
    device.title = view.device
    write(spoken, view.spoken)
    showTime(view.time)
  }

  const bar = h("div", {class: "transport"}, buttons, h("div", {class: "where"}, sentence, device), progress, time, spoken)
  model.on("state", update)
  update()
  return bar
}
