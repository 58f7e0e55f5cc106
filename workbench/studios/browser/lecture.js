// A lecture: the lecturer's "Follow me" with the address for the audience and its code, and what followers read above what they see.
import {h, write, copy} from "./dom.js"
const ONLY_HERE = /^(127\.|localhost$|\[::1\]$)/
export function lectern(send) {
  let begun = false // by this press: a page that takes its lecture along has shown the code before
  const follow = h("button", {type: "button", class: "small", "data-lead": "", onclick: () => {
    begun = follow.getAttribute("aria-pressed") !== "true"
    send({lead: begun})
  }}, "Follow me")
  const image = h("img", {alt: "The address as a QR code"}), address = h("b"), warning = h("p")
  const code = h("div", {class: "invitation", hidden: true, role: "dialog", "aria-label": "The address for the audience"},
    h("button", {type: "button", class: "small", "aria-label": "Close", onclick: () => { code.hidden = true }}, "×"), image, address, warning)
  const shower = h("button", {type: "button", class: "small code", title: "A code that phones read", onclick: () => { code.hidden = !code.hidden }}, "QR code")
  const link = h("a", {target: "_blank", rel: "noopener"}), people = h("span"), words = h("span", {role: "status"})
  const leave = h("a", {class: "small"}, "Explore on your own")
  const copier = h("button", {type: "button", class: "small", onclick: async () => {
    await copy(link.href)
    write(copier, "Copied")
    setTimeout(() => write(copier, "Copy link"), 1500)
  }}, "Copy link")
  const element = h("div", {class: "lectern", role: "group", "aria-label": "Lecture"}, words, follow, link, copier, shower, people, leave)

  // `now` is null where nobody leads and nobody may.
  function update(now) {
    element.hidden = !now
    if (!now) return
    const {leads = false, follows = false} = now
    element.dataset.role = leads ? "leads" : follows ? "follows" : "may"
    follow.hidden = follows
    follow.setAttribute("aria-pressed", leads)
    follow.title = leads ? "End the lecture" : "Let others see on their screens what you show here; they can press nothing"
    link.hidden = copier.hidden = shower.hidden = people.hidden = !leads
    if (!leads) code.hidden = true
    words.hidden = leave.hidden = !follows
    if (leads) {
      link.href = globalThis.workbenchPage?.outside(now.link) ?? new URL(now.link, document.baseURI)
      write(link, link.href.replace(/^https?:\/\//, "").replace(/\?.*/, ""))
      write(people, now.people)
      const here = ONLY_HERE.test(new URL(link.href).hostname)
      image.hidden = here
      if (!here && image.dataset.link !== link.href) image.src = `code.svg?link=${encodeURIComponent(image.dataset.link = link.href)}`
      write(address, link.textContent)
      write(warning, here ? "This address opens on this computer only; workbench --host 0.0.0.0 --token auto lets others in." : "")
      if (begun) code.hidden = begun = false
    }
    if (follows) {
      write(words, now.sentence)
      leave.href = now.leave
    }
    if (globalThis.workbenchPage) for (const a of document.querySelectorAll("nav a")) a.search = leads ? "?lead=1" : ""
    if (now.go) location.replace(now.go)
  }
  return {element, code, update}
}
