// One figure on a page: unpack the newest frame, draw it with plotly.js, say that it is drawn.
// The same module serves Panel (JSComponent) and notebooks (anywidget).

const PERIOD = 250 // ms between drawings while frames keep coming

// One engine for all figures of the page; its url comes from the server.
function engine(url) {
  const slot = (globalThis.workbenchPlotly ??= {})
  return (slot[url] ??= new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = url
    script.onload = () => resolve(globalThis.Plotly)
    script.onerror = () => reject(new Error(`The plotting library could not be loaded from ${script.src}.`))
    document.head.append(script)
  }))
}

// plotly.js writes its style rules into the head of the document, where a shadow root does not see them.
function adopt(root) {
  const sheet = document.getElementById("plotly.js-style-global")?.sheet
  if (root === document || !sheet || root.querySelector("style.plotly-rules")) return
  const style = document.createElement("style")
  style.className = "plotly-rules"
  style.textContent = [...sheet.cssRules].map((rule) => rule.cssText).join("\n")
  root.prepend(style)
}

// The inverse of workbench.figures.frame.pack.
function unpack(frame) {
  const bytes = frame.buffer ? new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength).slice() : new Uint8Array(frame)
  const [length, checksum] = new Uint32Array(bytes.buffer, 0, 2)
  const start = 8 + length
  const array = ([offset, size, kind, columns]) => {
    const Kind = kind === "f4" ? Float32Array : Float64Array
    const flat = new Kind(bytes.buffer, start + offset, size)
    if (!columns) return flat
    return Array.from({length: size / columns}, (_, row) => flat.subarray(row * columns, (row + 1) * columns))
  }
  const text = new TextDecoder().decode(bytes.subarray(8, start))
  return {checksum, ...JSON.parse(text, (_, value) => (value?.$ ? array(value.$) : value))}
}

function save(gd, format) {
  const {filename = "figure"} = gd._context.toImageButtonOptions ?? {}
  globalThis.Plotly.downloadImage(gd, {format, filename, scale: format === "png" ? 2 : 1, width: gd.offsetWidth, height: gd.offsetHeight})
}

// Exactly the points on the screen, one row per point; the same columns as workbench.figures.data_of.
function table(gd) {
  const quoted = (text) => `"${String(text ?? "").replace(/<[^>]*>/g, "").replaceAll('"', '""')}"`
  const number = (value) => (Number.isFinite(value) ? String(value) : "")
  const rows = ["curve,x,y,z"]
  for (const {name, x = [], y = [], z} of gd.data) {
    if (z) z.forEach((row, i) => row.forEach((value, j) => rows.push([quoted(name), number(x[j]), number(y[i]), number(value)].join(","))))
    else for (let i = 0; i < x.length; i++) rows.push([quoted(name), number(x[i]), number(y[i]), ""].join(","))
  }
  const link = document.createElement("a")
  link.href = URL.createObjectURL(new Blob([rows.join("\n") + "\n"], {type: "text/csv"}))
  link.download = (gd._context.toImageButtonOptions?.filename ?? "figure") + ".csv"
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

const word = (text) => ({svg: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 20"><path d="M1 1h30v18H1z" fill="none" stroke-width="1.6"/><text x="16" y="14.5" font-size="12" font-weight="700" font-family="sans-serif" text-anchor="middle">${text}</text></svg>`})
const BUTTONS = [
  {name: "svg", title: "Save as SVG", icon: word("SVG"), click: (gd) => save(gd, "svg")},
  {name: "png", title: "Save as PNG", icon: word("PNG"), click: (gd) => save(gd, "png")},
  {name: "csv", title: "Save the shown data as CSV", icon: word("CSV"), click: table},
]
const REMOVED = ["toImage", "select2d", "lasso2d", "sendChartToCloud", "sendDataToCloud"]

function render({model, el}) {
  const panel = Boolean(model.send_msg)
  const read = (name) => (panel ? model[name] : model.get(name))
  const say = (message) => (panel ? model.send_msg(message) : model.send(message))
  const gd = document.createElement("div")
  gd.style.cssText = "width:100%;height:100%;min-height:60px;position:relative"
  el.append(gd)

  let fresh = true, busy = false, closed = false, last = -Infinity, size = ""

  async function draw() {
    const frame = read("wire")
    if (!fresh || busy || closed || !frame?.byteLength || !gd.offsetWidth || !gd.offsetHeight) return
    fresh = false
    busy = true
    let drawn = 0
    try {
      const Plotly = await engine(read("engine_url"))
      await new Promise(requestAnimationFrame) // a hidden page stops here, unacknowledged
      if (closed) return
      last = performance.now()
      adopt(gd.getRootNode())
      const {checksum, data, layout, config = {}} = unpack(frame)
      drawn = checksum
      size = `${gd.offsetWidth}x${gd.offsetHeight}`
      await Plotly.react(gd, data, {...layout, autosize: false, width: gd.offsetWidth, height: gd.offsetHeight}, {
        ...config, displaylogo: false, showSendToCloud: false, plotlyServerURL: "", modeBarButtonsToRemove: REMOVED, modeBarButtonsToAdd: BUTTONS,
      })
      gd.dispatchEvent(new CustomEvent("workbench:drawn", {bubbles: true, composed: true, detail: layout.meta}))
    } catch (problem) {
      gd.textContent = String(problem.message ?? problem)
      console.error(problem)
    } finally {
      busy = false
    }
    setTimeout(() => { say({drawn}); draw() }, Math.max(0, PERIOD - (performance.now() - last)))
  }

  const update = () => { fresh = true; draw() }
  const observer = new ResizeObserver(() => {
    if (`${gd.offsetWidth}x${gd.offsetHeight}` !== size) update()
  })
  observer.observe(gd)
  model.on("change:wire", update)
  draw()

  const close = () => {
    closed = true
    observer.disconnect()
    globalThis.Plotly?.purge(gd)
  }
  if (panel) model.on("remove", close)
  else return close
}

export default {render}
