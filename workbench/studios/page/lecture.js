// A lecture: the lecturer's "Follow me" with the address for the audience, and what followers read above what they see.
function lectern(send) {
  const follow = h("button", {type: "button", class: "small", "data-lead": "", onclick: () => send({lead: follow.getAttribute("aria-pressed") !== "true"})}, "Follow me")
  const link = h("a", {target: "_blank", rel: "noopener"}), people = h("span"), words = h("span", {role: "status"})
  const leave = h("a", {class: "small"}, "Explore on your own")
  const copier = h("button", {type: "button", class: "small", onclick: async () => {
    await copy(link.href)
    write(copier, "Copied")
    setTimeout(() => write(copier, "Copy link"), 1500)
  }}, "Copy link")
  const element = h("div", {class: "lectern", role: "group", "aria-label": "Lecture"}, words, follow, link, copier, people, leave)

  // `now` is null where nobody leads and nobody may.
  function update(now) {
    element.hidden = !now
    if (!now) return
    const {leads = false, follows = false} = now
    element.dataset.role = leads ? "leads" : follows ? "follows" : "may"
    follow.hidden = follows
    follow.setAttribute("aria-pressed", leads)
    follow.title = leads ? "End the lecture" : "Let others see on their screens what you show here; they can press nothing"
    link.hidden = copier.hidden = people.hidden = !leads
    words.hidden = leave.hidden = !follows
    if (leads) {
      link.href = globalThis.workbenchPage?.outside(now.link) ?? new URL(now.link, document.baseURI)
      write(link, link.href.replace(/^https?:\/\//, "").replace(/\?.*/, ""))
      write(people, now.people)
    }
    if (follows) {
      write(words, now.sentence)
      leave.href = now.leave
    }
    if (globalThis.workbenchPage) for (const a of document.querySelectorAll("nav a")) a.search = leads ? "?lead=1" : ""
    if (now.go) location.replace(now.go)
  }
  return {element, update}
}
