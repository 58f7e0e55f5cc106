// Elements without HTML strings: whatever a user typed stays text.
export const h = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value)
    else if (value === true) element.setAttribute(name, "")
    else if (value !== false && value != null) element.setAttribute(name, value)
  }
  element.append(...children.flat().filter((child) => child != null))
  return element
}

export const icon = (path) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  svg.setAttribute("viewBox", "0 0 24 24")
  svg.setAttribute("aria-hidden", "true")
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path")
  shape.setAttribute("d", path)
  svg.append(shape)
  return svg
}

// Replace the text only where it changed: selections and screen readers stay undisturbed.
export const write = (element, text) => {
  if (element.textContent !== text) element.textContent = text
}

// The same for a sentence with symbols: σ_syst, ⟨A⟩_M and p_T,j1 get their subscripts; z_jets and gg_yyg are names.
export const typeset = (element, text) => {
  if (element.dataset.text === text) return
  element.dataset.text = text
  const parts = text.split(/((?:(?<!\p{L})(?!z_)Δ?\p{L}\p{M}?|⟩)_[\p{L}\d]+(?:,[a-z]?\d|,[a-z](?!\p{L})|,\p{Script=Greek}+[⁺⁻]?)?)/u)
  element.replaceChildren(...parts.map((part, i) => (i % 2 ? [part.split("_")[0], h("sub", {}, part.slice(part.indexOf("_") + 1))] : [part])).flat())
}

// An element with such a sentence.
export const symbols = (tag, attributes, text) => {
  const element = h(tag, attributes)
  typeset(element, text)
  return element
}

export const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    const area = h("textarea", {style: "position:fixed;opacity:0"})
    area.value = text
    document.body.append(area)
    area.select()
    document.execCommand("copy")
    area.remove()
  }
}

// The still picture of a notebook cell is hidden once the cell shows more than that; see studios/notebook/still.py.
export const superseded = (name) => name && document.head.append(h("style", {}, `.${name} { display: none }`))
