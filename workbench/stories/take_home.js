// The figures of a story in a file of its own: unpacked, drawn, and moved through time by a slider.
(async () => {
  const [time, slider, when, play, problem] = ["time", "moment", "when", "play", "problem"].map((name) => document.getElementById(name))
  const places = [...document.querySelectorAll(".plot")]

  // The inverse of workbench.figures.frame.pack.
  async function unpacked() {
    const letters = atob(document.getElementById("packed").textContent)
    const stream = new Blob([Uint8Array.from(letters, (letter) => letter.charCodeAt(0))]).stream().pipeThrough(new DecompressionStream("deflate"))
    const buffer = await new Response(stream).arrayBuffer()
    const start = 8 + new Uint32Array(buffer, 0, 1)[0]
    const array = ([offset, size, kind, columns]) => {
      const flat = new (kind === "f4" ? Float32Array : Float64Array)(buffer, start + offset, size)
      return columns ? Array.from({length: size / columns}, (_, row) => flat.subarray(row * columns, (row + 1) * columns)) : flat
    }
    return JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, start - 8)), (_, value) => (value?.$ ? array(value.$) : value))
  }

  try {
    const {moments, figures, drawn} = await unpacked()
    const last = moments.length - 1, grown = figures.map(() => 0)
    if (drawn.some((all) => all.some((figure) => figure?.data.some(({type}) => type && type !== "scatter")))) Plotly.others?.()

    // A figure that has nothing to show at a moment is shown as it is later.
    async function draw(figure, now) {
      const found = drawn.slice(now).map((all) => all[figure]).find(Boolean), place = places[figure]
      if (!found) return (place.textContent = "Its trainings have not come so far, or only their numbers ship: train this story to see it.")
      const size = 13, lay = (height) => Plotly.react(place, found.data,
        {...found.layout, font: {...found.layout.font, size}, height, width: place.clientWidth, autosize: false}, {...figures[figure].config, responsive: false})
      await lay(figures[figure].height + grown[figure])
      // What the legend takes beyond two lines is added to the height, so that curves keep theirs.
      const more = Math.round((place._fullLayout.legend?._height ?? 0) - 3 * size)
      if (more > grown[figure]) await lay(figures[figure].height + (grown[figure] = more))
    }

    let wanted = last, busy = false
    async function show(now) {
      wanted = now
      slider.value = now
      when.textContent = moments[now]
      if (busy) return
      busy = true
      for (let shown = -1; shown !== wanted; ) {
        shown = wanted
        for (const figure of figures.keys()) await draw(figure, shown)
      }
      busy = false
      document.body.dataset.shown = wanted
    }

    let playing = 0
    const stop = () => {
      clearInterval(playing)
      playing = 0
      play.textContent = "Play"
    }
    play.onclick = () => {
      if (playing) return stop()
      let now = wanted === last ? 0 : wanted
      show(now)
      play.textContent = "Stop"
      playing = setInterval(() => (now < last ? show(++now) : stop()), 250)
    }
    slider.oninput = () => {
      stop()
      show(+slider.value)
    }
    slider.max = last
    time.hidden = last === 0
    let wide = 0
    new ResizeObserver(() => {
      if (places[0].clientWidth === wide) return
      wide = places[0].clientWidth
      grown.fill(0)
      show(wanted)
    }).observe(places[0])
  } catch (wrong) {
    problem.hidden = false
    problem.textContent = `The figures cannot be drawn in this browser: ${wrong.message}. A newer one is needed.`
  }
})()
