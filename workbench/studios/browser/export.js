// The dialog that saves a figure, or exactly its data, in one of the ways that its own buttons know (plot_view.js).
import {h, write} from "./dom.js"
export function exporting() {
  const select = h("select", {"aria-label": "Figure", onchange: () => choose()})
  const ways = h("div", {class: "ways"}), said = h("p", {class: "wrong", role: "alert"})
  const element = h("dialog", {class: "exporting", "aria-label": "Export a figure"}, h("h2", {}, "Export"), select, ways, said,
    h("button", {type: "button", onclick: () => element.close()}, "Close"))
  const drawn = (root) => [...root.querySelectorAll("*")].flatMap((one) => [
    ...(one.workbench && one.offsetWidth && one.checkVisibility() ? [one] : []), ...(one.shadowRoot ? drawn(one.shadowRoot) : [])])
  let figures = []

  function choose() {
    const figure = figures[select.selectedIndex]
    write(said, "")
    ways.replaceChildren(...figure.workbench.buttons.map(({name, title, click}) => h("button", {type: "button", title, "data-way": name, onclick: async () => {
      try { await click(figure); element.close() } catch (problem) { write(said, `It was not saved: ${problem.message}`) }
    }}, {svg: "SVG", png: "PNG", pdf: "PDF", csv: "CSV (data)", nc: "netCDF (data)"}[name])))
  }

  // The figures within an element; the one under the pointer is chosen.
  function open(within) {
    figures = drawn(within)
    if (!figures.length || element.open) return
    const name = (figure) => (figure.layout?.meta?.about ?? figure._context.toImageButtonOptions?.filename ?? "Figure").split(";")[0]
    select.replaceChildren(...figures.map((figure) => h("option", {}, name(figure))))
    select.selectedIndex = Math.max(0, figures.findIndex((figure) => figure.matches(":hover")))
    select.hidden = figures.length < 2
    element.querySelector("h2").textContent = figures.length < 2 ? `Export: ${name(figures[0])}` : "Export"
    choose()
    element.showModal()
    ways.firstChild.focus()
  }
  return {element, open}
}
