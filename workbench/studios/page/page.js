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
const help = () => button("keys").open ? button("keys").close() : button("keys").showModal()
const share = async () => {
  try { await navigator.clipboard.writeText(location.href) } catch { prompt("Copy this link:", location.href); return }
  button("share").textContent = "Link copied"
  setTimeout(() => { button("share").textContent = "Share" }, 1500)
}

// State lives in the address and in the run folders: after a lost connection the page waits for the server and is simply loaded again.
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const returns = async () => {
  button("away").hidden = false
  for (;;) {
    await wait(500)
    const answer = await fetch("alive", {cache: "no-store"}).catch(() => ({}))
    if (answer.ok || answer.status === 403) return location.reload() // the class has another token now
  }
}
setTimeout(() => { if (!("ready" in root.dataset)) returns() }, 12_000)

globalThis.workbenchPage = {keys: {d: theme, f: projector, "?": help}, returns}
for (const [id, action] of Object.entries({theme, projector, help, share})) button(id).addEventListener("click", action)
button("recipe").addEventListener("click", () => button("recipe").setAttribute("aria-expanded", root.toggleAttribute("data-recipe")))
if (!document.cookie.includes("workbench_theme=") && matchMedia("(prefers-color-scheme: dark)").matches) theme()
show()
