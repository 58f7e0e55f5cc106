// A page of ours in a notebook cell: a frame, and a sentence where there is nothing to show in it. The page reports its address, so that it
// stands as it was after the notebook is loaded again.
import {superseded} from "./dom.js"
const LOCAL = /^(127\.0\.0\.1|localhost|\[::1\])$/

// Where this browser reaches the page server of the kernel: on this computer directly, else through the notebook server's proxy.
async function base(model) {
  const port = model.get("port")
  if (LOCAL.test(location.hostname)) return `http://${location.hostname}:${port}/`
  const config = JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "{}")
  const proxy = new URL(`${config.baseUrl ?? "/"}proxy/${port}/`, location.origin).href
  model.set("origin", location.origin) // the server must know under which name its pages come in
  model.save_changes()
  const answer = await fetch(proxy, {cache: "no-store"}).catch(() => ({}))
  return answer.headers?.get("Content-Security-Policy") ? proxy : ""
}

function render({model, el}) {
  const frame = document.createElement("iframe")
  const words = document.createElement("p")
  const box = document.createElement("div")
  box.className = "workbench-cell"
  box.style.cssText = `height:${model.get("height")}px;resize:vertical;overflow:hidden;border:1px solid var(--jp-border-color2,#ddd);border-radius:6px`
  frame.style.cssText = "width:100%;height:100%;border:0;display:block"
  frame.title = model.get("title")
  frame.allow = "clipboard-write; fullscreen"
  words.setAttribute("role", "status")
  words.style.cssText = "margin:0;padding:1em;font:15px system-ui,sans-serif;color:var(--jp-content-font-color1,#222)"
  el.append(box)

  const say = (sentence) => {
    frame.remove()
    words.textContent = sentence
    box.style.height = "auto"
    box.replaceChildren(words)
  }
  let shown = 0
  async function show() {
    const port = model.get("port")
    if (model.get("sentence")) return say(model.get("sentence"))
    if (!port) return say("The page is being opened …")
    if (port === shown) return
    shown = port
    const url = await base(model)
    if (!url) {
      return say(`The page is served on the computer of the kernel only, at port ${port}, which this browser does not reach. ` +
        "With the package jupyter-server-proxy beside the notebook server it comes through; run.live() works without.")
    }
    const query = new URLSearchParams(model.get("query"))
    if (model.get("token")) query.set("token", model.get("token"))
    frame.src = url + model.get("page") + (query.size ? `?${query}` : "")
    box.style.height = `${model.get("height")}px`
    box.replaceChildren(frame)
    superseded(model.get("still"))
  }
  const hear = ({source, data}) => {
    if (source !== frame.contentWindow || typeof data?.workbench !== "string") return
    model.set("query", data.workbench.slice(0, 20_000))
    model.set("page", /^\w*$/.test(data.page) ? data.page : "")
    model.save_changes()
  }
  const gone = () => say("The kernel that served this page has ended. Run the cell again; trainings go on by themselves.")
  const closed = () => say("This page was closed. Run the cell again to open it.")
  const events = {"change:port": show, "change:sentence": show, comm_live_update: gone, destroy: closed}
  for (const [event, act] of Object.entries(events)) model.on(event, act)
  addEventListener("message", hear)
  show()
  return () => {
    for (const [event, act] of Object.entries(events)) model.off(event, act)
    removeEventListener("message", hear)
  }
}

export default {render}
