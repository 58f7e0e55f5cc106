// One figure on a page: unpack the newest frame, draw it with plotly.js, say that it is drawn.
// The same module serves Panel (JSComponent) and notebooks (anywidget).

// While frames keep coming, on average,
const PERIOD = 80 // ms from one drawing to the next; on a slow computer so long that
const SHARE = 1 / 6 // of the time, at most, goes into drawing this figure.
const AHEAD = 150 // ms by which one drawing may come early: updates come unevenly, and what waits is late

// One engine for all figures of the page. A page may fill the slot early, with a promise for Plotly under the engine's url.
function engine(url) {
  const slot = (globalThis.workbenchPlotly ??= {})
  slot[url] ??= new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = url
    script.onload = () => resolve(globalThis.Plotly)
    script.onerror = () => reject(new Error("The plotting library could not be loaded; is the server still running?"))
    document.head.append(script)
  })
  return slot[url].catch((problem) => {
    delete slot[url] // the next frame tries again
    throw problem
  })
}

// plotly.js writes its style rules into the head of the document, where a shadow root does not see them.
function adopt(root) {
  const sheet = document.getElementById("plotly.js-style-global")?.sheet
  if (root === document || !sheet || root.querySelector("style.plotly-rules")) return
  const style = document.createElement("style")
  style.className = "plotly-rules"
  style.textContent = [...sheet.cssRules].map((rule) => rule.cssText).join("\n") + RULES
  root.prepend(style)
}

// The inverse of workbench.figures.frame.pack.
export function unpack(frame) {
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

// In a hall the letters of a figure are an eightieth of the width of the screen, whatever pixels it has, and 18 px at least.
const projected = () => "projector" in document.documentElement.dataset
const hall = () => (projected() ? Math.min(Math.max(innerWidth / 1600, 0.9), 1.5) : 1)

// A font whose size stands in the figure, at the size of this screen.
const scaled = (part, name) => (part?.[name]?.size ? {...part, [name]: {...part[name], size: part[name].size * hall()}} : part)

// What stands in the first line of a curve's name is its entry in the legend; its numbers, below that, are told in a line under the figure.
const [short, numbers] = [(name) => name?.split("<br>")[0], (name) => name?.split("<br>").slice(1).join(", ")]

// Text in which only <sub> and <sup> are markup.
const marked = (text) => text.split(/<(su[bp])>(.*?)<\/su[bp]>/).reduce((parts, piece, i, all) =>
  (i % 3 === 0 ? [...parts, piece] : i % 3 === 1 ? [...parts, Object.assign(document.createElement(piece), {textContent: all[i + 1]})] : parts), [])

// The entry of a curve in the line under its figure, as its legend draws it: a line, a band, or points.
const DASHES = {dash: "6 4", dot: "2 2", dashdot: "6 2 2 2", longdash: "9 4", longdashdot: "9 3 2 3"}
function mark({line, marker, mode = "lines", fill, fillcolor}, size) {
  const svg = (tag, attributes) => Object.entries(attributes).reduce((e, [name, value]) => (e.setAttribute(name, value), e), document.createElementNS("http://www.w3.org/2000/svg", tag))
  const picture = svg("svg", {width: 1.6 * size, height: 0.7 * size, viewBox: "0 0 24 10", "aria-hidden": "true"})
  picture.style.margin = "0 .3em 0 0"
  if (fill) picture.append(svg("rect", {width: 24, height: 10, fill: fillcolor ?? line?.color ?? "none"}))
  else if (mode.includes("lines")) picture.append(svg("path", {d: "M0 5h24", stroke: line?.color ?? "currentColor", "stroke-width": 4, "stroke-dasharray": DASHES[line?.dash] ?? ""}))
  if (mode.includes("markers")) {
    const colour = marker?.color ?? line?.color ?? "currentColor", symbol = String(marker?.symbol ?? "circle"), open = symbol.includes("open")
    const way = symbol.startsWith("square") ? "M8 1h8v8h-8z" : symbol.startsWith("diamond") ? "M12 0l5 5-5 5-5-5z" : "M8 5a4 4 0 1 0 8 0a4 4 0 1 0-8 0"
    picture.append(svg("path", {d: way, fill: open ? "none" : colour, stroke: open ? colour : "none", "stroke-width": 1.5}))
  }
  return picture
}

// Curves with their numbers, each with its mark; and remarks.
function tell(caption, curves, size, remarks) {
  const text = JSON.stringify([size, remarks, ...curves.map(({name, line, marker, mode, fillcolor}) => [name, line?.color, line?.dash, marker?.color, mode, fillcolor])])
  if (caption.dataset.text === text) return
  caption.dataset.text = text
  caption.style.fontSize = `${size}px`
  const told = (...parts) => {
    const element = Object.assign(document.createElement("span"), {className: "told"})
    element.style.marginRight = "1em"
    element.append(...parts)
    return element
  }
  caption.replaceChildren(...curves.map((curve) => {
    const together = document.createElement("span"), words = [short(curve.name), numbers(curve.name)].filter(Boolean).join(": ")
    const [first] = words.match(/^[^ ]* ?/) // a mark and the first word stay in one line
    together.style.whiteSpace = "nowrap"
    together.append(mark(curve, size), ...marked(first))
    return told(together, ...marked(words.slice(first.length)))
  }),
    ...remarks.map((text) => told(...marked(text))))
}

// How high a line of numbers may become: off a projector, where room is scarce, as if it were a quarter longer.
function roomy(caption) {
  caption.style.paddingRight = projected() ? ".5em" : "22%"
  const high = caption.offsetHeight
  caption.style.paddingRight = ".5em"
  return high
}

// Names beside a figure take less than half of it, and the title below it is not wider than its curves.
const length = (text) => Math.max(...String(text ?? "").split("<br>").map((line) => line.replace(/<[^>]*>/g, "").length))
const halved = (text) => { // in two lines, at the blank that is nearest to its middle
  const blanks = [...text.matchAll(/ /g)].map(({index}) => index).sort((a, b) => Math.abs(a - text.length / 2) - Math.abs(b - text.length / 2))
  return length(text) < 14 || text.includes("<br>") || !blanks.length ? text : `${text.slice(0, blanks[0])}<br>${text.slice(blanks[0] + 1)}`
}
const letters = (words) => (words?.some((text) => /\p{L}/u.test(text)) ? Math.max(...words.map(length)) : 0)
const lettered = (most, wide, size) => Math.min(size, (0.4 * wide) / (0.52 * most))
const folds = (words, wide, size) => (words && lettered(letters(words), wide, size) < 0.9 * size ? words.map(halved) : words)
function indent(layout, wide, size) { // where curves begin
  const most = Math.max(...Object.keys(layout).filter((name) => name.startsWith("yaxis")).map((name) => letters(folds(layout[name].ticktext, wide, size))), 0)
  return most ? 0.52 * most * lettered(most, wide, size) + size : 3 * size
}
function fitted(name, {title, ticktext, tickfont, domain = [0, 1]}, layout, wide, size, tight) {
  const most = tickfont?.size ?? size, words = folds(ticktext, wide, most)
  const beside = letters(ticktext) && name.startsWith("y") ? {ticktext: words, tickfont: {...tickfont, size: lettered(letters(words), wide, most)}} : {}
  if (!title?.text) return beside
  const room = name.startsWith("x") ? ((domain[1] - domain[0]) * (wide - indent(layout, wide, size))) / (0.5 * length(title.text)) : 99
  const font = {size: Math.min(tight ? size : 1.2 * size, room)}
  return {...beside, title: {...title, font, ...(tight && {standoff: 3})}}
}

// Labels of numbers below a figure stand upright: only each second or third tick has one where there is no room for all. Ticks are those
// that plotly.js chooses: in steps of 2, 5 or 10 times a power of ten, one for 80 px, but five at least.
function upright({range, type, tickvals, nticks = 99, domain = [0, 1]}, wide, size) {
  if (!range?.every(Number.isFinite) || tickvals || type === "log") return {}
  const span = Math.abs(range[1] - range[0]), room = (domain[1] - domain[0]) * wide
  const rough = span / Math.min(nticks, Math.min(Math.max(room / 80, 4), 9) + 1), power = 10 ** Math.floor(Math.log10(rough))
  const apart = power * [2, 5, 10].find((step) => rough < step * power)
  const digits = Math.max(...range.map((end) => String(Math.trunc(end)).length)) + (apart < 1 ? 1 - Math.floor(Math.log10(apart)) : 0)
  const step = Math.ceil(((0.55 * digits + 0.5) * size) / ((apart / span) * room))
  return step > 1 ? {ticklabelstep: step, tickangle: 0} : {}
}

// A figure of words: none is longer than its place, nor higher than the way to what stands below it.
function fit(notes, wide, high) {
  for (const note of notes) {
    const {x, y, text, font} = note, lines = text.split("<br>"), longest = Math.max(...lines.map((line) => line.replace(/<[^>]*>/g, "").length))
    const right = Math.min(1, ...notes.filter((other) => other.y === y && other.x > x).map((other) => other.x))
    const below = Math.max(0, ...notes.filter((other) => other.y < y && other.x === x).map((other) => other.y))
    const size = Math.min(font.size, ((right - x) * (wide - 24)) / (0.56 * longest), ((y - below) * (high - 24)) / (1.3 * lines.length))
    note.font = {...font, size}
  }
}

// A scale of colours below a figure, with its title beside it, and without the room below.
function bar({coloraxis, margin}, size, wide) {
  if (coloraxis?.colorbar?.orientation !== "h") return {}
  const {title, ...rest} = coloraxis.colorbar, beside = 0.55 * size * length(title?.text)
  const few = upright({range: [coloraxis.cmin, coloraxis.cmax], nticks: rest.nticks}, 0.85 * wide - beside - 2 * size, size)
  return {coloraxis: {...coloraxis, colorbar: {...rest, ...few, ypad: 5, ...(title && {title: {...title, side: "right", font: {size}}, len: 0.85, x: 0, xanchor: "left"})}}, margin: {...margin, t: 0.6 * margin.t * hall(), b: 0.5 * margin.b * hall()}}
}

// A sentence in place of a figure, in lines that fit.
const folded = ({text, ...note}, most) => ({...note, text: text.split("<br>").join(" ").split(" ").reduce((lines, word) =>
  (lines.length && lines.at(-1).length + word.length < most ? [...lines.slice(0, -1), `${lines.at(-1)} ${word}`] : [...lines, word]), []).join("<br>")})

// Maps in one row come in as many rows as make them largest: one above the other, or two and two, in a figure that is higher than wide.
function stacked({data, layout}, wide, high, size) {
  const maps = data.some(({type}) => type === "heatmap") ? [...new Map(data.filter(({xaxis}) => xaxis).map((trace) => [trace.xaxis, trace])).values()] : []
  const [across, down] = [wide - 5 * size, high - 9 * size], rows = (columns) => Math.ceil(maps.length / columns)
  const side = (columns) => Math.min(across / columns - size, down / rows(columns) - 2 * size)
  const columns = maps.map((_, i) => maps.length - i).reduce((best, other) => (side(other) > 1.1 * side(best) ? other : best), maps.length)
  if (columns === maps.length) return {}
  const axis = (name) => name.replace(/^[xy]/, "$&axis"), gap = [size / across, (2 * size) / down]
  const part = [(1 - (columns - 1) * gap[0]) / columns, (1 - (rows(columns) - 1) * gap[1]) / rows(columns)]
  return Object.fromEntries(maps.flatMap(({xaxis, yaxis}, place) => {
    const left = (place % columns) * (part[0] + gap[0]), top = 1 - Math.floor(place / columns) * (part[1] + gap[1])
    const first = place % columns === 0, last = place + columns >= maps.length, {title: below, ...x} = layout[axis(xaxis)], {title: beside, ...y} = layout[axis(yaxis)]
    return [
      [axis(xaxis), {...x, domain: [left, Math.min(left + part[0], 1)], showticklabels: last, ...(last && {title: below})}],
      [axis(yaxis), {...y, domain: [Math.max(top - part[1], 0), top], showticklabels: first, ...(first && {title: layout.yaxis.title})}],
    ]
  }))
}

// Of panels one above the other only the upper ones are drawn where there is no room for all: the smallest needs five lines of text.
function fewer({data, layout}, high, size) {
  const panels = Object.keys(layout).filter((name) => /^yaxis\d*$/.test(name) && layout[name].domain && layout[name].visible !== false)
    .sort((a, b) => layout[b].domain[0] - layout[a].domain[0])
  const base = (count) => layout[panels[count - 1]].domain[0]
  const least = (count) => Math.min(...panels.slice(0, count).map((name) => layout[name].domain[1] - layout[name].domain[0])) / (1 - base(count))
  let most = panels.length
  while (most > 1 && least(most) * (high - 6 * size) < 5 * size) most--
  if (data.some(({type}) => type === "heatmap") || panels.length < 2 || panels.length === most || layout.xaxis2) return {data, layout}
  const kept = panels.slice(0, most), low = base(most), up = (y) => (y - low) / (1 - low)
  const axes = kept.map((name) => [name, {...layout[name], domain: layout[name].domain.map(up)}])
  const rest = Object.fromEntries(Object.entries(layout).filter(([name]) => !panels.includes(name)))
  return {
    data: data.filter(({yaxis = "y"}) => kept.includes(yaxis.replace("y", "yaxis"))),
    layout: {...rest, ...Object.fromEntries(axes), xaxis: {...layout.xaxis, anchor: kept.at(-1).replace("axis", "")},
      shapes: layout.shapes?.filter(({yref, y0, y1}) => yref !== "paper" || y0 !== y1 || y0 > low).map((shape) =>
        (shape.yref === "paper" && shape.y0 === shape.y1 ? {...shape, y0: up(shape.y0), y1: up(shape.y1)} : shape))},
  }
}

const fileName = (gd) => gd._context.toImageButtonOptions?.filename ?? "figure"

const about = (gd) => gd.layout?.meta?.about ?? fileName(gd)

function download(gd, content, type, ending) {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(new Blob([content].flat(), {type}))
  link.download = `${fileName(gd)}.${ending}`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

// With the numbers in its legend: no line stands below a file.
const image = (gd, format, scale) => globalThis.Plotly.toImage({data: gd.workbench.data(), layout: gd.workbench.layout(), config: gd._context},
  {format, scale, width: gd.offsetWidth, height: gd.offsetHeight})

// As it is on the screen; words about the figure stand in it, unseen.
async function svg(gd) {
  const text = decodeURIComponent((await image(gd, "svg", 1)).replace(/^data:image\/svg\+xml,/, ""))
  const words = about(gd).replaceAll("&", "&amp;").replaceAll("<", "&lt;")
  download(gd, text.replace(/<svg[^>]*>/, (tag) => `${tag}<desc>${words}</desc>`), "image/svg+xml", "svg")
}

async function pixels(gd, scale) {
  const picture = new Image()
  picture.src = await image(gd, "png", scale)
  await picture.decode()
  const canvas = Object.assign(document.createElement("canvas"), {width: picture.width, height: picture.height})
  canvas.getContext("2d").drawImage(picture, 0, 0)
  return canvas
}

const png = async (gd) => download(gd, await new Promise((give) => pixels(gd, 2).then((canvas) => canvas.toBlob(give))), "image/png", "png")

// One page of the size of the figure, with four of its pixels to each of the screen, without loss.
async function pdf(gd) {
  const canvas = await pixels(gd, 4)
  const {width, height} = canvas
  const rgba = canvas.getContext("2d").getImageData(0, 0, width, height).data
  const rgb = new Uint8Array(3 * width * height)
  for (let from = 0, to = 0; from < rgba.length; from += 4) for (let c = 0; c < 3; c++) rgb[to++] = rgba[from + c]
  const packed = new Uint8Array(await new Response(new Blob([rgb]).stream().pipeThrough(new CompressionStream("deflate"))).arrayBuffer())
  const page = [0.75 * gd.offsetWidth, 0.75 * gd.offsetHeight] // points
  const words = "FEFF" + [...about(gd)].flatMap((c) => (c.length > 1 ? [c.charCodeAt(0), c.charCodeAt(1)] : [c.charCodeAt(0)])).map((n) => n.toString(16).padStart(4, "0")).join("")
  const drawing = `q ${page[0]} 0 0 ${page[1]} 0 0 cm /Figure Do Q`
  const objects = [
    ["<< /Type /Catalog /Pages 2 0 R >>"],
    ["<< /Type /Pages /Kids [3 0 R] /Count 1 >>"],
    [`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${page.join(" ")}] /Contents 4 0 R /Resources << /XObject << /Figure 5 0 R >> >> >>`],
    [`<< /Length ${drawing.length} >>\nstream\n${drawing}\nendstream`],
    [`<< /Type /XObject /Subtype /Image /Width ${width} /Height ${height} /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode /Length ${packed.length} >>\nstream\n`, packed, "\nendstream"],
    [`<< /Title <${words}> /Creator (workbench) >>`],
  ]
  const parts = [], starts = []
  let size = 0
  const add = (part) => { parts.push(part); size += part.length } // all text is ASCII
  add("%PDF-1.4\n")
  objects.forEach((object, i) => { starts.push(size); [`${i + 1} 0 obj\n`, ...object, "\nendobj\n"].forEach(add) })
  const table = starts.map((start) => `${String(start).padStart(10, "0")} 00000 n \n`).join("")
  const end = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info 6 0 R >>\nstartxref\n${size}\n%%EOF\n`
  download(gd, [...parts, end], "application/pdf", "pdf")
}

// Exactly the points on the screen, one row per point; the same columns as workbench.figures.csv_of.
function table(gd) {
  const text = (name) => `"${String(name ?? "").replace(/<br>/g, " ").replace(/<[^>]*>/g, "").replaceAll('"', '""')}"`
  const number = (value) => (Number.isFinite(value) ? String(value) : "")
  const data = gd.workbench.data(), maps = data.some(({z}) => z)
  const rows = ["curve,panel,x,y" + (maps ? ",z" : "")]
  for (const {name, yaxis = "y", x = [], y = [], z} of data) {
    if (z) rows.push(...z.flatMap((row, j) => Array.from(row, (value, i) => [text(name), yaxis, number(x[i]), number(y[j]), number(value)].join(","))))
    else for (let i = 0; i < x.length; i++) rows.push([text(name), yaxis, number(x[i]), number(y[i])].join(",") + (maps ? "," : ""))
  }
  download(gd, rows.join("\n") + "\n", "text/csv", "csv")
}

// The same with names, units and words about the figure, made by the server of the page.
async function netcdf(gd) {
  const answer = await fetch("figure.nc", {method: "POST", body: gd.workbench.frame(), headers: {"Content-Type": "application/octet-stream"}})
  if (!answer.ok) throw new Error(await answer.text())
  download(gd, await answer.blob(), "application/x-netcdf", "nc")
}

const word = (text) => ({
  svg: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 34 20"><text x="17" y="15" font-size="15" font-weight="700" font-family="sans-serif" text-anchor="middle">${text}</text></svg>`,
})
const BUTTONS = [
  {name: "svg", title: "Save as SVG", icon: word("SVG"), click: svg},
  {name: "png", title: "Save as PNG", icon: word("PNG"), click: png},
  {name: "pdf", title: "Save as PDF, an image of high resolution", icon: word("PDF"), click: pdf},
  {name: "csv", title: "Save the points shown as CSV", icon: word("CSV"), click: table},
]
const SERVED = {name: "nc", title: "Save the points shown as netCDF", icon: word("NC"), click: netcdf}
const REMOVED = ["toImage", "select2d", "lasso2d", "sendChartToCloud", "sendDataToCloud", "pan2d", "zoom2d", "autoScale2d", "hoverClosestCartesian", "hoverCompareCartesian"]
// The buttons stand in a column at the lower right, where no legend is.
const RULES = ".modebar-container { top: auto !important; bottom: 2.6em !important; } .modebar { top: auto !important; bottom: 0 !important; }"

// A point of a figure that may be dragged: `meta.drags` names the choosers of its two coordinates, `meta.places` the values that they may have.
const OFTEN = 50 // ms between two messages, lest they queue up
function dragging(gd) {
  let held = null, value = [], sent = "", waits = 0
  const point = () => gd.data?.findIndex(({meta}) => meta?.drags) ?? -1
  const place = () => { if (held) globalThis.Plotly.restyle(gd, {x: [[value[0]]], y: [[value[1]]]}, [point()]) }
  const tell = () => {
    waits = 0
    const text = JSON.stringify(value)
    if (text === sent) return
    sent = text
    gd.dispatchEvent(new CustomEvent("workbench:chosen", {bubbles: true, composed: true, detail: Object.fromEntries(held.drags.map((name, i) => [name, String(value[i])]))}))
    waits = setTimeout(tell, OFTEN)
  }
  const at = ({clientX, clientY}) => {
    const {left, top} = gd.getBoundingClientRect()
    return [["xaxis", clientX - left], ["yaxis", clientY - top]].map(([name, pixel]) => [gd._fullLayout[name], pixel - gd._fullLayout[name]._offset])
  }
  const move = (event) => {
    value = at(event).map(([axis, pixel]) => held.places.reduce((best, other) => (Math.abs(other - axis.p2d(pixel)) < Math.abs(best - axis.p2d(pixel)) ? other : best)))
    place()
    if (!waits) tell()
  }
  gd.addEventListener("pointerdown", (event) => {
    if (point() < 0 || event.button || !at(event).every(([axis, pixel]) => pixel >= 0 && pixel <= axis._length)) return
    [held, sent] = [gd.data[point()].meta, ""]
    gd.setPointerCapture(event.pointerId)
    move(event)
  }, true)
  gd.addEventListener("pointermove", (event) => { if (held) move(event) }, true)
  for (const end of ["pointerup", "pointercancel"]) gd.addEventListener(end, () => {
    if (!held) return
    clearTimeout(waits)
    tell()
    clearTimeout(waits)
    held = null
    waits = 0
  }, true)
  return place
}

export function render({model, el}) {
  const panel = Boolean(model.send_msg)
  const read = (name) => (panel ? model[name] : model.get(name))
  const say = (message) => (panel ? model.send_msg(message) : model.send(message))
  const gd = document.createElement("div"), caption = document.createElement("div"), whole = document.createElement("div")
  whole.style.cssText = "width:100%;height:100%;display:flex;flex-direction:column"
  gd.style.cssText = "flex:1 1 0;width:100%;min-height:60px;min-width:0;position:relative"
  caption.style.cssText = "flex:none;line-height:1.3;padding:0 .5em .2em"
  caption.className = "numbers"
  whole.append(gd, caption)
  el.append(whole)
  const dragged = dragging(gd)

  let fresh = true, busy = false, closed = false, near = true, wrong = false, size = "", grown = {}, due = 0, before = 0
  const slot = () => gd.getRootNode().host?.closest(".plot") ?? el
  const extent = () => `${gd.offsetWidth}x${gd.offsetHeight}`
  const visible = () => gd.offsetWidth && gd.offsetHeight && gd.checkVisibility({visibilityProperty: true})
  const clear = () => { globalThis.Plotly?.purge(gd); gd.replaceChildren(); size = "" }

  async function show(Plotly) {
    fresh = wrong = false
    const {checksum, data: whole, layout: wide, config} = unpack(read("wire"))
    adopt(gd.getRootNode())
    if (!size) gd.replaceChildren()
    size = extent()
    const page = globalThis.workbenchPage // which has a button that exports
    const buttons = page ? [...BUTTONS, SERVED] : BUTTONS
    const extended = {...config, displaylogo: false, showSendToCloud: false, modeBarButtonsToRemove: REMOVED, modeBarButtonsToAdd: page ? [] : buttons,
      ...(projected() && {displayModeBar: false})}
    gd.workbench = {buttons, frame: () => read("wire"), data: () => whole}
    if (whole.some(({type}) => type && type !== "scatter")) Plotly.others?.() // see figures/engine.py
    const font = {...wide.font, size: (wide.font?.size ?? 12) * hall()}
    if (grown.width !== gd.offsetWidth) {
      grown = {width: gd.offsetWidth, by: 0, told: 0}
      caption.style.minHeight = ""
    }
    const told = Boolean(slot()?.closest(".figures")) // a slide has a table of its numbers
    // a remark in the corner that would cover the curves is told below too
    const beside = whole.length ? (wide.annotations ?? []).filter(({xref, xanchor, yanchor, text}) => xref === "paper" && xanchor === "right" && yanchor === "top"
      && (text.split("<br>").length > 2 || Math.max(...text.split("<br>").map(({length}) => length)) > (0.7 * gd.offsetWidth) / (0.5 * font.size))) : []
    const tight = projected() // curves have the room of their legend: it is told in the line under the figure
    const entries = (told && !tight) || (wide.showlegend === false && tight) ? [] : (tight ? fewer({data: whole, layout: wide}, gd.offsetHeight, font.size).data : whole).filter(({name, showlegend, type = "scatter"}) => name && type === "scatter" && showlegend !== false && (tight || numbers(name)))
    caption.style.lineHeight = tight ? 1.15 : 1.3
    tell(caption, told ? entries.map(({name, ...curve}) => ({...curve, name: short(name)})) : entries, (tight ? 0.76 : 0.85) * font.size, told ? [] : beside.flatMap(({text}) => text.split("<br>")))
    grown.told = Math.max(grown.told, roomy(caption))
    caption.style.minHeight = `${grown.told}px`
    caption.style.color = font.color
    size = extent()
    const {data, layout} = fewer({data: whole, layout: wide}, gd.offsetHeight, font.size)
    gd.workbench.layout = () => (layout === wide && !beside.length && !tight ? gd.layout : wide) // a file has all panels and remarks
    // where the line below names most of the curves beside their colours, a legend would only say it again
    const again = !told && data.filter(({name, showlegend}) => showlegend !== false && numbers(name)).length > 2
    const named = data.map((trace) => ({...trace, name: short(trace.name), ...(again && numbers(trace.name) && {showlegend: false})}))
    const axes = Object.fromEntries(Object.entries(layout).filter(([name]) => /^[xy]axis/.test(name)).map(([name, axis]) => [name, {...scaled(axis, "tickfont"), ...fitted(name, axis, layout, gd.offsetWidth, font.size, tight)}]))
    const notes = data.length ? layout.annotations?.filter((note) => !beside.includes(note)).map((note) => scaled(note, "font")) : layout.annotations?.map((note) => folded(note, gd.offsetWidth / (0.6 * font.size)))
    const shape = stacked({data, layout: {...layout, ...axes}}, gd.offsetWidth, gd.offsetHeight, font.size)
    for (const note of notes ?? []) { // the name of a map is not wider than the map and its margins
      const [begin, end] = {...axes, ...shape}[String(note.xref).match(/^(x\d*) domain$/)?.[1].replace("x", "xaxis")]?.domain ?? [0, 9]
      const fits = ((end - begin) * (gd.offsetWidth - 4 * font.size)) / (0.55 * note.text.length)
      if (fits < font.size) note.font = {...note.font, size: fits}
    }
    const standing = Object.entries({...axes, ...shape}).filter(([name]) => name.startsWith("x"))
      .map(([name, axis]) => [name, {...axis, ...upright(axis, gd.offsetWidth - indent(layout, gd.offsetWidth, font.size) - font.size, axis.tickfont?.size ?? font.size)}])
    if (data.length && layout.xaxis?.visible === false) fit(notes ?? [], gd.offsetWidth, gd.offsetHeight)
    const look = {...layout, ...axes, margin: Object.fromEntries(Object.entries(layout.margin ?? {}).map(([side, size]) => [side, size * hall()])), ...(notes && {annotations: notes}), ...shape, ...Object.fromEntries(standing), ...(tight && {showlegend: false, ...bar(layout, font.size, gd.offsetWidth)}), font, autosize: false, width: gd.offsetWidth, height: gd.offsetHeight}
    await Plotly.react(gd, named, look, extended).catch((problem) => {
      if (!whole.some(({type}) => type === "heatmap")) throw problem
      Plotly.purge(gd) // no room for equal scales: without them there is
      const loose = Object.fromEntries(Object.entries(look).map(([name, {scaleanchor, constrain, ...axis}]) => [name, /^[xy]axis/.test(name) ? axis : look[name]]))
      return Plotly.newPlot(gd, named, loose, extended)
    })
    dragged() // what is held stays under the pointer
    // A curve may say what a click on one of its points chooses, and each point which value.
    gd.removeAllListeners("plotly_click")
    gd.on("plotly_click", ({points: [{data, customdata}]}) => {
      if (data.meta?.chooses) gd.dispatchEvent(new CustomEvent("workbench:chosen", {bubbles: true, composed: true, detail: {[data.meta.chooses]: customdata}}))
    })
    // What the legend takes beyond two lines is added to the height: curves keep theirs, and nothing is scrolled. It grows only, so that it rests.
    grown.by = Math.max(grown.by, Math.round((gd._fullLayout.legend?._height ?? 0) - 3 * font.size))
    slot().style.setProperty("--legend", `${grown.by + grown.told}px`)
    gd.dispatchEvent(new CustomEvent("workbench:drawn", {bubbles: true, composed: true, detail: layout.meta}))
    return checksum
  }

  // Draws what is new, unless it has scrolled away and has the right size; then rests, acknowledges and looks again.
  async function draw() {
    if (!fresh || busy || closed || !read("wire")?.byteLength || (size && !near && !wrong)) return
    busy = true
    let drawn = 0, rest = 0, start = performance.now()
    try {
      const Plotly = await engine(read("engine_url"))
      await new Promise(requestAnimationFrame) // a hidden page waits here, unacknowledged
      start = performance.now()
      if (!closed && visible()) drawn = await show(Plotly)
    } catch (problem) {
      console.error(problem)
      clear()
      gd.textContent = String(problem.message ?? problem)
      rest = 2_000
    }
    const now = performance.now(), spent = now - start
    due = Math.max(due, start) + Math.max(PERIOD, Math.min(spent, before) / SHARE) // one slow drawing does not make a slow computer
    before = spent
    await new Promise((go) => setTimeout(go, Math.max(rest, due - AHEAD - now)))
    busy = false
    if (drawn && !closed) say({drawn})
    draw()
  }

  const update = () => { fresh = true; draw() }
  const resized = new ResizeObserver(() => {
    if (!gd.isConnected) clear() // taken off the page; drawn anew if it comes back
    else if (extent() !== size) { wrong = true; update() } // also where it has scrolled away: it would stick out
  })
  const scrolled = new IntersectionObserver(([entry]) => { near = entry.isIntersecting; draw() }, {rootMargin: "300px"})
  const close = () => { closed = true; resized.disconnect(); scrolled.disconnect(); clear() }
  resized.observe(gd)
  scrolled.observe(gd)
  model.on("change:wire", update)
  if (panel) model.on("remove", close)
  draw()
  return panel ? undefined : close
}

export default {render}
