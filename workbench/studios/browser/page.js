// What belongs to the browser alone: theme, projector, share, help. The frame listens; a cookie tells the server before the next page.
const root = document.documentElement
const remember = (name, value) => { document.cookie = `workbench_${name}=${value}; path=/; max-age=31536000; samesite=strict` }
const button = (id) => document.getElementById(id)
const show = () => {
  button("theme").textContent = root.dataset.theme === "dark" ? "Light" : "Dark"
  button("theme").setAttribute("aria-pressed", root.dataset.theme === "dark")
  button("projector").setAttribute("aria-pressed", "projector" in root.dataset)
}
const changed = () => { show(); document.dispatchEvent(new Event("workbench:theme")) }
const theme = () => {
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark"
  remember("theme", root.dataset.theme)
  changed()
}
const projector = () => {
  root.toggleAttribute("data-projector")
  remember("projector", "projector" in root.dataset ? "1" : "0")
  changed()
}
// A projector shows neither header nor tabs until the pointer is at the upper edge, or a finger taps there.
for (const kind of ["pointermove", "pointerdown"]) {
  addEventListener(kind, ({clientY, pointerType}) => {
    root.toggleAttribute("data-chrome", clientY < ("chrome" in root.dataset ? 120 : pointerType === "touch" ? 60 : 12))
  })
}
const help = () => button("keys").open ? button("keys").close() : button("keys").showModal()

// The link of this page, with what is ticked to be hidden, and for a class with its address and token.
const sharing = button("sharing"), ticks = [...sharing.querySelectorAll("#hide input")], invite = button("invite").querySelector("input")
// An address of the class, below the path under which this browser found it: a proxy may cut off a path of which the server does not know.
const outside = (link) => {
  const {address} = sharing.dataset
  return new URL(address && new URL(address).origin === location.origin ? `./${link.slice(address.length)}` : link, location.href)
}
const link = () => {
  const {address, token} = sharing.dataset
  const url = outside(address + location.pathname.split("/").pop() + location.search)
  const hide = ticks.filter((tick) => tick.checked).map((tick) => tick.value)
  for (const name of ["hide", "lead", "token"]) url.searchParams.delete(name)
  const more = [hide.length ? `hide=${hide.join(",")}` : "", token && invite.checked ? `token=${token}` : ""].filter(Boolean)
  const query = [url.search.slice(1).replaceAll("%2C", ","), ...more].filter(Boolean).join("&")
  return url.origin + url.pathname + (query ? "?" + query : "")
}
const reshare = () => {
  button("link").value = link()
  const image = button("code")
  image.src = `code.svg?link=${encodeURIComponent(link())}`
}
const share = () => {
  const hidden = (new URL(location.href).searchParams.get("hide") ?? "").split(",")
  for (const tick of ticks) {
    tick.checked = hidden.includes(tick.value)
    if (tick.checked) tick.closest("details").open = true
  }
  button("nearby").hidden = sharing.dataset.address !== "" || !/^(127\.|localhost|\[::1\])/.test(location.hostname)
  button("invite").hidden = !sharing.dataset.token
  button("code").hidden = !button("nearby").hidden // nobody reaches this computer with it
  reshare()
  sharing.showModal()
  button("link").select()
}
sharing.addEventListener("change", reshare)
button("code").addEventListener("error", () => { button("code").alt = "This link is too long for a code: copy it instead." })
button("copy").addEventListener("click", async () => {
  button("link").select()
  try { await navigator.clipboard.writeText(link()) } catch { document.execCommand("copy") }
  button("copy").textContent = "Copied"
  setTimeout(() => { button("copy").textContent = "Copy" }, 1500)
})

// State lives in the address and in the run folders: after a lost connection the page waits for the server and is simply loaded again.
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
// Six questions at once: as many connections as a browser keeps to a server. After a sleep each may be dead without knowing it, and is given up.
const heard = (patience) => Promise.all(Array.from({length: 6}, () =>
  fetch("alive", {cache: "no-store", signal: AbortSignal.timeout(patience)}).catch(() => ({}))))
const returns = async (first = 500) => {
  if (workbenchPage.away) return
  workbenchPage.away = true
  button("away").hidden = false
  for (let pause = first, patience = 300; ; pause = 500, patience = Math.min(2 * patience, 5_000)) {
    await wait(pause)
    const answers = await heard(patience)
    if (answers.some(({ok, status}) => ok || status === 403)) return location.reload() // 403: the class has another token now
  }
}
setTimeout(() => { if (!("ready" in root.dataset)) returns() }, 12_000)

// What the server has not heard, or does not keep, is said again by the page that is loaded next in its place: `unsaid` tells it.
const UNSAID = "workbench:unsaid"
let elsewhere = false // this page only passes on what was kept
const kept = () => {
  try {
    const found = JSON.parse(sessionStorage.getItem(UNSAID))
    if (found?.at === location.href) return found
    // F5 took the address that was there; then came an answer which changed it. A frame shares what is kept with its neighbours.
    const again = performance.getEntriesByType("navigation")[0]?.type === "reload" && parent === window
    if (again && found?.before?.includes(location.href)) {
      elsewhere = true
      location.replace(found.at)
    }
  } catch {} // a frame that may not keep anything
  return {}
}
addEventListener("pagehide", () => {
  if (elsewhere) return
  try { sessionStorage.setItem(UNSAID, JSON.stringify({at: location.href, before: workbenchPage.before, ...workbenchPage.unsaid?.()})) } catch {}
})

globalThis.workbenchPage = {keys: {d: theme, f: projector, "?": help}, returns, outside, away: false, before: [], kept: kept()}
for (const [id, action] of Object.entries({theme, projector, help, share})) button(id).addEventListener("click", action)
const drawer = (open) => button("recipe").setAttribute("aria-expanded", root.toggleAttribute("data-recipe", open))
button("recipe").addEventListener("click", () => drawer())
addEventListener("workbench:recipe", () => drawer(true)) // somebody points into it
if (!document.cookie.includes("workbench_theme=") && matchMedia("(prefers-color-scheme: dark)").matches) theme()
show()
