"use strict";

/* The network, as grader/training.py trains it: float64, full batch, the notebook's order of operations.
   Runs in a worker that is made from this function's own text. Arrays hold one unit after the other, points contiguous. */
function network() {
  "use strict";
  const SIDE = 61, EDGE = 1.5, EVERY = 3; // the square that is coloured; a unit's own picture takes every third of its points

  function product(W, n, N, a, m, out) {
    for (let i = 0; i < n; i++) {
      const o = i * m;
      let k = 0;
      if (N % 2) {
        const w = W[i * N];
        for (let p = 0; p < m; p++) out[o + p] = w * a[p];
        k = 1;
      } else {
        const w = W[i * N], v = W[i * N + 1];
        for (let p = 0; p < m; p++) out[o + p] = w * a[p] + v * a[m + p];
        k = 2;
      }
      for (; k < N; k += 2) {
        const w = W[i * N + k], v = W[i * N + k + 1], x = k * m, y = x + m;
        for (let p = 0; p < m; p++) out[o + p] = out[o + p] + w * a[x + p] + v * a[y + p];
      }
    }
  }

  function norm(array) {
    let sum = 0;
    for (let i = 0; i < array.length; i++) sum += array[i] * array[i];
    return Math.sqrt(sum);
  }

  function room(layers, X, m) {
    return {m, A: layers.map((n, l) => (l ? new Float64Array(n * m) : X)), Z: new Float64Array(m)};
  }

  function forward(net, points) {
    const {layers, W, b} = net, {A, Z, m} = points, L = layers.length - 1;
    for (let l = 1; l <= L; l++) {
      const n = layers[l], a = A[l];
      product(W[l], n, layers[l - 1], A[l - 1], m, a);
      for (let i = 0; i < n; i++) {
        const c = b[l][i], o = i * m;
        if (l < L) {
          for (let p = 0; p < m; p++) {
            const z = a[o + p] + c;
            a[o + p] = z <= 0 ? 0 : z; // what is not a number stays so
          }
        } else {
          for (let p = 0; p < m; p++) {
            const z = a[o + p] + c;
            Z[p] = z;
            a[o + p] = 1 / (1 + Math.exp(-z));
          }
        }
      }
    }
  }

  function backward(net, points, Y, grads) {
    const {layers, W} = net, {A, m} = points, {dW, db, dZ} = grads, L = layers.length - 1, share = 1 / m;
    for (let p = 0; p < m; p++) dZ[L][p] = share * (A[L][p] - Y[p]);
    for (let l = L; l > 0; l--) {
      const n = layers[l], N = layers[l - 1], d = dZ[l], a = A[l - 1];
      for (let i = 0; i < n; i++) {
        const o = i * m;
        for (let k = 0; k < N; k++) {
          const x = k * m;
          let s = 0, t = 0, u = 0, v = 0; // m is a multiple of 4
          for (let p = 0; p < m; p += 4) {
            s += d[o + p] * a[x + p];
            t += d[o + p + 1] * a[x + p + 1];
            u += d[o + p + 2] * a[x + p + 2];
            v += d[o + p + 3] * a[x + p + 3];
          }
          dW[l][i * N + k] = (s + t) + (u + v);
        }
        let sum = 0;
        for (let p = 0; p < m; p++) sum += d[o + p];
        db[l][i] = sum;
      }
      if (l === 1) break;
      const below = dZ[l - 1];
      for (let k = 0; k < N; k++) {
        const x = k * m;
        const w0 = W[l][k];
        for (let p = 0; p < m; p++) below[x + p] = w0 * d[p];
        for (let i = 1; i < n; i++) {
          const w = W[l][i * N + k], o = i * m;
          for (let p = 0; p < m; p++) below[x + p] += w * d[o + p];
        }
        for (let p = 0; p < m; p++) below[x + p] *= a[x + p] > 0 ? 1 : 0;
      }
    }
  }

  /* The notebook's cost (inf where a wrong point's output is exactly 0 or 1) and the exact one, which stays finite. */
  function costs(points, Y) {
    const A = points.A[points.A.length - 1], {Z, m} = points;
    let printed = 0, exact = 0;
    for (let p = 0; p < m; p++) {
      const t = Y[p] ? A[p] : 1 - A[p], term = -Math.log(t);
      printed += term;
      exact += t > 1e-12 ? term : Z[p] === Z[p] ? Math.abs(Z[p]) : NaN;
    }
    return {printed: printed / m, exact: exact / m};
  }

  function accuracy(net, points, Y) {
    forward(net, points);
    const A = points.A[points.A.length - 1];
    let right = 0;
    for (let p = 0; p < points.m; p++) right += (A[p] > 0.5) === (Y[p] > 0.5) ? 1 : 0;
    return right / points.m;
  }

  function look(net, points, grads, iteration, cost) {
    const {layers} = net, {A, m} = points, L = layers.length - 1, dead = [];
    for (let l = 1; l < L; l++) {
      let count = 0;
      for (let i = 0; i < layers[l]; i++) {
        let alive = false;
        for (let p = 0; p < m && !alive; p++) alive = A[l][i * m + p] > 0;
        count += alive ? 0 : 1;
      }
      dead.push(count / layers[l]);
    }
    let saturated = 0;
    for (let p = 0; p < m; p++) saturated += Math.abs(A[L][p] - 0.5) > 0.499 ? 1 : 0;
    return {iteration, ...cost, norms: grads.dW.slice(1).map(norm), dead, saturated: saturated / m};
  }

  function square() {
    const X = new Float64Array(2 * SIDE * SIDE), m = SIDE * SIDE;
    for (let row = 0, p = 0; row < SIDE; row++) {
      for (let column = 0; column < SIDE; column++, p++) {
        X[p] = -EDGE + (2 * EDGE * (column + 0.5)) / SIDE;
        X[m + p] = EDGE - (2 * EDGE * (row + 0.5)) / SIDE;
      }
    }
    return X;
  }

  const DRAWN = {randn: (z) => z, rand: (u) => u, narrow: (u) => u - 0.5, centred: (u) => (u - 0.5) * Math.sqrt(12)};

  /* What each unit of a hidden layer puts out over the square: 0 to 255 of its own largest value. */
  function units(a, n) {
    const side = Math.ceil(SIDE / EVERY), found = new Uint8Array(n * side * side), size = SIDE * SIDE;
    for (let i = 0, at = 0; i < n; i++) {
      let most = 0;
      for (let p = i * size; p < (i + 1) * size; p++) if (a[p] > most) most = a[p];
      for (let row = 0; row < SIDE; row += EVERY) {
        for (let column = 0; column < SIDE; column += EVERY) found[at++] = most > 0 ? (255 * a[i * size + row * SIDE + column]) / most : 0;
      }
    }
    return {side, values: found};
  }

  function asleep(a, n, m) { // which units are 0 for every training point
    return Array.from({length: n}, (_, i) => {
      for (let p = i * m; p < (i + 1) * m; p++) if (!(a[p] <= 0)) return false;
      return true;
    });
  }

  function train(job, tell) {
    const {layers, iterations, rate} = job, L = layers.length - 1;
    const net = {layers, W: [null], b: [null]}, grads = {dW: [null], db: [null], dZ: [null]};
    const X = Float64Array.from(job.train.x), Y = Float64Array.from(job.train.y), m = Y.length;
    for (let l = 1, at = 0; l <= L; l++) {
      const count = layers[l] * layers[l - 1];
      const factor = job.scale === "he" ? Math.sqrt(2 / layers[l - 1]) : job.scale;
      net.W.push(Float64Array.from(job.draws.slice(at, at + count), (drawn) => DRAWN[job.draw](drawn) * factor));
      net.b.push(new Float64Array(layers[l]));
      grads.dW.push(new Float64Array(count));
      grads.db.push(new Float64Array(layers[l]));
      grads.dZ.push(new Float64Array(layers[l] * m));
      at += count;
    }
    const first = net.W.map((W) => W && W.slice());
    const points = room(layers, X, m);
    const tests = room(layers, Float64Array.from(job.test.x), job.test.y.length), cells = room(layers, square(), SIDE * SIDE);

    function picture() {
      const train = accuracy(net, points, Y), hidden = layers.slice(1, L), dead = hidden.map((n, l) => asleep(points.A[l + 1], n, m));
      const test = accuracy(net, tests, job.test.y);
      forward(net, cells);
      return {
        train, test, dead, side: SIDE, grid: Float32Array.from(cells.A[L], (a) => a - 0.5),
        maps: hidden.map((n, l) => units(cells.A[l + 1], n)), weights: net.W.slice(1).map((W) => W.slice()),
      };
    }

    const wanted = new Set(job.moments), pictured = new Set(job.frames);
    let samples = [], escape = null, raised = 0, before = Infinity;
    function standing() { // for the words below the figures, at whatever iteration the reader stops
      let deviation = 0;
      for (const a of points.A[L]) deviation = a === a ? Math.max(deviation, Math.abs(a - 0.5)) : Infinity;
      return {escape, raised, deviation, moved: net.W.some((W, l) => W && W.some((w, i) => w !== first[l][i]))};
    }

    for (let iteration = 0; iteration < iterations; iteration++) {
      forward(net, points);
      backward(net, points, Y, grads);
      const cost = costs(points, Y);
      if (escape === null && cost.printed < 0.6) escape = iteration;
      if (cost.exact > before + 0.001) raised++;
      before = cost.exact;
      if (wanted.has(iteration)) samples.push({...look(net, points, grads, iteration, cost), sizes: net.W.slice(1).map((W) => norm(W) / Math.sqrt(W.length))});
      if (pictured.has(iteration)) {
        tell({samples, iteration, ...picture(), ...standing()});
        samples = [];
        if (job.preview) return;
      }
      for (let l = 1; l <= L; l++) {
        const W = net.W[l], dW = grads.dW[l], b = net.b[l], db = grads.db[l];
        for (let i = 0; i < W.length; i++) W[i] -= rate * dW[i];
        for (let i = 0; i < b.length; i++) b[i] -= rate * db[i];
      }
    }
    const seen = picture();
    forward(net, points);
    tell({samples, iteration: iterations, ...seen, done: true, ...standing()});
  }

  self.onmessage = (event) => train(event.data, (message) => self.postMessage(message));
}

/* The page. */
function page() {
  const LN2 = Math.LN2, SVG = "http://www.w3.org/2000/svg";
  const DATA = JSON.parse(document.getElementById("data").textContent);
  const LAYERS = {1: [2, 10, 1], 2: [2, 10, 5, 1], 3: [2, 10, 5, 5, 1]};
  const HIDDEN = {1: "one hidden layer", 2: "two hidden layers", 3: "three hidden layers"};
  const START = DATA.start;
  const DRAWN = {randn: "a standard normal draw (randn)", rand: "a uniform draw from 0 to 1 (rand)", narrow: "a uniform draw from −0.5 to 0.5 (rand - 0.5)", centred: "a uniform draw around 0, as wide as randn: (rand - 0.5) * sqrt(12),"};
  const id = (name) => document.getElementById(name);
  const form = id("lab-form"), calm = matchMedia("(prefers-reduced-motion: reduce)");
  const address = URL.createObjectURL(new Blob([`(${network})()`], {type: "text/javascript"}));
  let worker = null, run = null, playing = 0;

  // --- numbers in words
  const count = (n) => n.toLocaleString("en-US");
  const short = (x) => (x !== x ? "not a number" : !isFinite(x) ? "inf" : x === 0 ? "0" : Math.abs(x) >= 1000 && Math.abs(x) < 1e9 ? count(Math.round(x)) : Math.abs(x) >= 0.001 && Math.abs(x) < 1e5 ? String(Number(x.toPrecision(3))) : x.toExponential(1));
  const share = (x) => `${Number((100 * x).toFixed(1))} %`;
  const score = (x) => String(Number(x.toFixed(4)));
  const money = (x, digits) => (x !== x ? "not a number" : x === Infinity ? "inf" : x.toFixed(digits));
  const list = (items) => (items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`);
  const scaled = (scale) => (scale === "he" ? "He’s scale" : scale === 0 ? "weights of zero" : `scale ${scale}`);

  function digits(costs) { // as many decimals as tell neighbours apart
    const finite = costs.filter(isFinite);
    for (let places = 4; places < 12; places += 2) {
      if (finite.every((x, i) => !i || Math.abs(x - finite[i - 1]) < 1e-12 || x.toFixed(places) !== finite[i - 1].toFixed(places))) return places;
    }
    return 12;
  }

  // --- the state: form and fragment
  function state() {
    const kind = form.elements.start.value;
    const scale = kind === "he" ? "he" : kind === "zeros" ? 0 : Number(form.elements.scale.value);
    const number = (name) => Number(form.elements[name].value);
    return {scale, seed: number("seed"), layers: number("layers"), rate: number("rate"), iterations: number("iterations"), draw: form.elements.draw.value};
  }

  function show(wanted) {
    form.elements.start.value = wanted.scale === "he" ? "he" : wanted.scale === 0 ? "zeros" : "scale";
    if (wanted.scale !== "he" && wanted.scale !== 0) setScale(wanted.scale);
    for (const name of ["seed", "layers", "rate", "iterations", "draw"]) form.elements[name].value = String(wanted[name]);
    enable();
  }

  function setScale(scale) {
    form.elements.scale.value = String(scale);
    slide(scale);
  }

  function slide(scale) {
    const at = DATA.scales.reduce((best, value, i) => (Math.abs(Math.log(value / scale)) < Math.abs(Math.log(DATA.scales[best] / scale)) ? i : best), 0);
    form.elements.slider.value = String(at);
    form.elements.slider.setAttribute("aria-valuetext", `scale ${scale}`);
  }

  function enable() {
    const kind = form.elements.start.value, factor = kind === "he" ? "√(2 / units below)" : form.elements.scale.value;
    form.elements.scale.disabled = form.elements.slider.disabled = kind !== "scale";
    form.elements.draw.disabled = kind === "zeros";
    id("rule").textContent = kind === "zeros" ? "Every weight is 0; the seed changes nothing." : `Every weight is ${DRAWN[form.elements.draw.value]} times ${factor}.`;
  }

  function fragment(now) {
    const drawn = now.draw === "randn" ? "" : `&draw=${now.draw}`;
    return `#scale=${now.scale}&seed=${now.seed}&layers=${now.layers}&rate=${now.rate}&iterations=${now.iterations}${drawn}`;
  }

  function read(text) { // what a fragment asks for, and what of it cannot be
    const asked = new URLSearchParams(text.replace(/^#/, "")), found = {...START}, odd = [];
    for (const [name, word] of asked) {
      if (!(name in START)) continue;
      const value = (name === "scale" && word === "he") || name === "draw" ? word : name === "scale" && word === "zeros" ? 0 : word.trim() === "" ? NaN : Number(word);
      const fits = name === "scale" ? value === "he" || value === 0 || (value >= 0.001 && value <= 100)
        : [...form.elements[name].options].some((option) => option.value === value || Number(option.value) === value);
      if (fits) found[name] = value;
      else odd.push(`${name}=${word}`);
    }
    return {found, odd};
  }

  function restore() {
    const {found, odd} = read(location.hash);
    show(found);
    preview();
    if (odd.length) say(`The link asks for ${list(odd)}, which the lab does not offer; the usual value stands there.`);
  }

  function keep() {
    const wanted = fragment(state());
    if (location.hash !== wanted) {
      try { history.replaceState(null, "", wanted); } catch { location.hash = wanted; }
    }
  }

  // --- running
  function say(text) { id("status").textContent = text; }

  function spaced(iterations, parts) {
    const found = new Set([0, ...[1, 2, 5, 10, 20, 50, 100, 200, 500].filter((k) => k < iterations)]);
    for (let i = 0; i < parts; i++) found.add(Math.floor((i * iterations) / parts));
    return found;
  }

  function moments(iterations) {
    const found = spaced(iterations, 480), step = rowStep(iterations);
    for (let k = 0; k < iterations; k += step) found.add(k);
    return [...found.add(iterations - 1)];
  }

  function rowStep(iterations) { // at most 16 rows
    for (let power = 1; ; power *= 10) {
      for (const digit of [1, 2, 5]) if (Math.ceil(iterations / (digit * power)) < 16) return digit * power;
    }
  }

  function start(now, isPreview) {
    stop();
    run = {now, samples: [], frames: [], last: null, isPreview, shown: 0};
    const job = {
      ...now, layers: LAYERS[now.layers], draws: DATA.draws[now.draw === "randn" ? "randn" : "rand"][now.seed], train: DATA.train, test: DATA.test,
      moments: moments(now.iterations), frames: [...spaced(now.iterations, 120)], preview: isPreview,
    };
    try {
      worker = new Worker(address);
    } catch {
      say("This browser lets no file start a worker, so nothing can be trained here. The answers above hold all the same.");
      return;
    }
    const mine = run;
    worker.onerror = () => { stop(); say("The training stopped with an error in this browser."); };
    worker.onmessage = ({data}) => { if (run === mine) take(data); };
    worker.postMessage(job);
  }

  function stop() {
    if (worker) worker.terminate();
    worker = null;
    id("stop").disabled = true;
    document.body.classList.remove("training");
    cancelAnimationFrame(playing);
    playing = 0;
    id("play").textContent = "Play";
  }

  function preview() {
    id("described").hidden = id("when").disabled = id("play").disabled = true;
    say("");
    start(state(), true);
  }

  function go() {
    if (!form.reportValidity()) return;
    keep();
    id("described").hidden = id("when").disabled = id("play").disabled = true;
    start(state(), false);
    if (worker) {
      document.body.classList.add("training");
      id("stop").disabled = false;
      say(`Training, ${count(run.now.iterations)} iterations …`);
      const figures = id("figures");
      if (figures.getBoundingClientRect().top > 0.6 * innerHeight) figures.scrollIntoView({behavior: calm.matches ? "auto" : "smooth"}); // on a phone
    }
  }

  function take(message) {
    run.samples.push(...message.samples);
    run.frames.push(message);
    run.last = message;
    if (message.done) {
      stop();
      draw();
      rewind();
      describe();
    } else if (run.isPreview || !calm.matches) {
      const mine = run;
      if (!run.shown) run.shown = requestAnimationFrame(() => { mine.shown = 0; if (run === mine) draw(); });
    }
    if (run.isPreview) stop();
  }

  // --- looking back
  function rewind() {
    const last = run.frames.length - 1;
    id("when").disabled = id("play").disabled = last < 1;
    id("when").max = id("when").value = String(last);
    at(last);
  }

  function at(index) { // show the run as it was at one of its pictures
    const frame = run.frames[index];
    id("when").value = String(index);
    id("when").setAttribute("aria-valuetext", `iteration ${count(frame.iteration)}`);
    draw(frame);
  }

  function play() {
    if (playing) {
      stop();
      return;
    }
    const last = run.frames.length - 1, from = Number(id("when").value) < last ? Number(id("when").value) : 0;
    let begun = 0;
    id("play").textContent = "Pause";
    const step = (now) => {
      begun ||= now; // the time of a picture, which may lie before the press of the button
      const index = Math.min(last, from + Math.floor((now - begun) / 80));
      if (index !== Number(id("when").value)) at(index);
      if (index < last) playing = requestAnimationFrame(step);
      else stop();
    };
    playing = requestAnimationFrame(step);
  }

  // --- figures
  function node(name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const BOX = {left: 50, right: 8, top: 12, bottom: 26, width: 300, height: 200};

  /* Axes, marks and lines; `y` maps a value to 0 (bottom) … 1 (top), null is left out and breaks the line. */
  function chart(where, {ticks, lines, y, mark, note, when, flag}) {
    const {left, right, top, bottom, width, height} = BOX, N = run.now.iterations;
    const px = (k) => left + ((width - left - right) * k) / N, py = (v) => height - bottom - (height - top - bottom) * v;
    const parts = [];
    for (const [value, label] of ticks) {
      parts.push(node("path", {class: "grid", d: `M${left} ${py(y(value))}H${width - right}`}));
      parts.push(node("text", {x: left - 7, y: py(y(value)) + 4, "text-anchor": "end"}, label));
    }
    for (const part of [0, 0.5, 1]) {
      const anchor = part === 1 ? "end" : part ? "middle" : "start";
      parts.push(node("text", {x: px(N * part), y: height - 8, "text-anchor": anchor}, count(Math.round(N * part))));
    }
    if (mark) {
      parts.push(node("path", {class: "guessing", d: `M${left} ${py(y(mark.value))}H${width - right}`}));
      parts.push(node("text", {class: "halo", x: width - right - 4, y: py(y(mark.value)) - 6, "text-anchor": "end"}, mark.label));
    }
    for (const line of lines) {
      let path = "", pen = false;
      for (const [k, value] of line.points) {
        const at = value === value ? y(value) : null;
        if (at === null || !isFinite(at)) { pen = false; continue; }
        path += `${pen ? "L" : "M"}${px(k).toFixed(1)} ${py(at).toFixed(1)}${pen ? "" : "h.01"}`;
        pen = true;
      }
      parts.push(node("path", {class: `series ${line.style}`, d: path || "M0 0"}));
    }
    if (flag) {
      const x = px(flag.at), right_of = flag.at < N / 2;
      parts.push(node("path", {class: "flag", d: `M${x.toFixed(1)} ${py(y(flag.value))}V${height - bottom}`}));
      parts.push(node("text", {class: "halo", x: x + (right_of ? 5 : -5), y: height - bottom - 6, "text-anchor": right_of ? "start" : "end"}, flag.label));
    }
    if (when < N) parts.push(node("path", {class: "when", d: `M${px(when).toFixed(1)} ${top}V${height - bottom}`}));
    if (note) parts.push(node("text", {class: "halo", x: (left + width - right) / 2, y: top + 12, "text-anchor": "middle"}, note));
    id(where).replaceChildren(...parts);
  }

  function legend(where, entries) {
    id(where).replaceChildren(...entries.map(([style, name, value]) => {
      const item = document.createElement("li"), sample = node("svg", {class: "sample", viewBox: "0 0 34 10", "aria-hidden": "true"});
      sample.append(node("path", {class: `series ${style}`, d: "M1 5H33"}));
      item.append(sample, ` ${name}: ${value}`);
      return item;
    }));
  }

  const series = (pick) => run.samples.map((sample) => [sample.iteration, pick(sample)]);
  const STYLES = ["one", "two", "three", "four"];

  function draw(frame = run.last) {
    const {samples} = run, now = samples.find((s) => s.iteration === frame.iteration) || samples[samples.length - 1];
    if (!now) return;
    const when = `at iteration ${count(now.iteration)}`;
    drawCost(now, when);
    drawNorms(now, when);
    drawShares(now, when);
    drawNetwork(frame, now, when);
    drawSquare(frame);
    id("cost-now").textContent = money(now.printed, 6);
    id("train-now").textContent = score(frame.train);
    id("test-now").textContent = score(frame.test);
    id("iteration-now").textContent = count(frame.iteration);
    id("done").style.width = `${(100 * frame.iteration) / run.now.iterations}%`;
  }

  const seenUntil = (now) => (now === run.samples[run.samples.length - 1] ? Infinity : now.iteration); // a mark is for looking back

  function drawCost(now, when) {
    const top = 1.5, over = series((s) => s.exact).filter(([, v]) => v > top).length;
    chart("cost", {
      ticks: [0, 0.5, 1, 1.5].map((v) => [v, v.toFixed(1)]),
      lines: [{style: "one", points: series((s) => (s.exact === s.exact ? Math.min(s.exact, top) : NaN))}],
      y: (v) => v / top,
      mark: {value: LN2, label: "ln 2 = 0.693, guessing"},
      when: seenUntil(now),
      note: over ? "on the upper edge: above 1.5" : "",
      flag: run.last.escape > 0 ? {at: run.last.escape, value: 0.6, label: `below 0.6 at ${count(run.last.escape)}`} : null,
    });
    id("cost").setAttribute("aria-label", `Cost against iterations, from 0 to 1.5: ${short(run.samples[0].exact)} at iteration 0${now.iteration ? `, ${short(now.exact)} ${when}` : ""}; ln 2 is marked.`);
  }

  function drawNorms(now, when) {
    const all = run.samples.flatMap((s) => s.norms).filter((v) => v > 0 && isFinite(v));
    let low = Math.floor(Math.log10(Math.min(...all))), high = Math.ceil(Math.log10(Math.max(...all)));
    if (!all.length) [low, high] = [-6, 2];
    if (high - low < 2) high = low + 2;
    const step = Math.ceil((high - low) / 6), ticks = [];
    for (let k = low; k <= high; k += step) ticks.push([10 ** k, k < -3 || k > 4 ? `1e${k}` : String(Number((10 ** k).toPrecision(1)))]);
    chart("norms", {
      ticks,
      lines: now.norms.map((_, l) => ({style: STYLES[l], points: series((s) => s.norms[l])})),
      y: (v) => (v > 0 ? (Math.log10(v) - low) / (high - low) : null),
      note: all.length ? "" : "every gradient is exactly 0",
      when: seenUntil(now),
    });
    legend("norms-legend", now.norms.map((v, l) => [STYLES[l], `dW${l + 1}`, short(v)]));
    id("norms").setAttribute("aria-label", `Gradient norm of each layer against iterations, log axis; ${when}: ${list(now.norms.map((v, l) => `dW${l + 1} ${short(v)}`))}.`);
  }

  function drawShares(now, when) {
    const entries = now.dead.map((v, l) => [STYLES[l], `dead units, layer ${l + 1}`, share(v)]);
    entries.push(["four", "saturated outputs", share(now.saturated)]);
    chart("shares", {
      ticks: [0, 0.5, 1].map((v) => [v, share(v)]),
      lines: [...now.dead.map((_, l) => ({style: STYLES[l], points: series((s) => s.dead[l])})), {style: "four", points: series((s) => s.saturated)}],
      y: (v) => v,
      when: seenUntil(now),
    });
    legend("shares-legend", entries);
    id("shares").setAttribute("aria-label", `Dead units and saturated outputs against iterations; ${when}: ${list(entries.map(([, name, value]) => `${name} ${value}`))}.`);
  }

  function colours() {
    const style = getComputedStyle(document.documentElement);
    return Object.fromEntries(["outside", "middle", "inside", "negative", "positive", "paper", "ink", "soft", "rule"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }

  const rgb = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
  const board = document.createElement("canvas");

  /* Paint values of a square, one pixel each, and stretch it: `mix` gives two colours and how far from the first to the second. */
  function paint(pen, {x, y, size}, side, mix) {
    board.width = board.height = side;
    const brush = board.getContext("2d"), image = brush.createImageData(side, side);
    for (let p = 0; p < side * side; p++) {
      const [from, to, part] = mix(p);
      for (let c = 0; c < 3; c++) image.data[4 * p + c] = from[c] + (to[c] - from[c]) * part;
      image.data[4 * p + 3] = 255;
    }
    brush.putImageData(image, 0, 0);
    pen.drawImage(board, x, y, size, size);
  }

  function answers(paint) { // from sure of the outer ring over 0.5 to sure of the inner ring
    const out = rgb(paint.outside), middle = rgb(paint.middle), inside = rgb(paint.inside);
    return (value) => [middle, value > 0 ? inside : out, value === value ? Math.min(1, 2 * Math.abs(value)) : 0];
  }

  function contour(pen, grid, side, cell) { // where the output crosses 0.5
    const up = (p) => grid[p] > 0, cross = (p, q) => (grid[p] === grid[q] ? 0.5 : grid[p] / (grid[p] - grid[q]));
    pen.beginPath();
    for (let row = 0; row < side - 1; row++) {
      for (let column = 0; column < side - 1; column++) {
        const a = row * side + column, b = a + 1, c = a + side, d = c + 1, x = column + 0.5, y = row + 0.5, ends = [];
        if (up(a) !== up(b)) ends.push([x + cross(a, b), y]);
        if (up(a) !== up(c)) ends.push([x, y + cross(a, c)]);
        if (up(b) !== up(d)) ends.push([x + 1, y + cross(b, d)]);
        if (up(c) !== up(d)) ends.push([x + cross(c, d), y + 1]);
        for (let k = 0; k + 1 < ends.length; k += 2) {
          pen.moveTo(ends[k][0] * cell, ends[k][1] * cell);
          pen.lineTo(ends[k + 1][0] * cell, ends[k + 1][1] * cell);
        }
      }
    }
    pen.stroke();
  }

  function drawSquare({grid, side, iteration, train}) {
    const canvas = id("boundary"), pen = canvas.getContext("2d"), size = canvas.width, hue = colours(), shade = answers(hue);
    paint(pen, {x: 0, y: 0, size}, side, (p) => shade(grid[p]));
    pen.lineWidth = 3;
    pen.strokeStyle = hue.ink;
    contour(pen, grid, side, size / side);
    const {x, y} = DATA.train, m = y.length, place = (v) => ((v + 1.5) / 3) * size;
    pen.lineWidth = 2;
    for (let p = 0; p < m; p++) {
      pen.beginPath();
      pen.arc(place(x[p]), size - place(x[m + p]), 5.5, 0, 7);
      pen.fillStyle = y[p] ? hue.ink : hue.paper;
      pen.fill();
      pen.stroke();
    }
    const inside = grid.filter((value) => value > 0).length;
    const text = `After ${count(iteration)} iterations ${share(inside / grid.length)} of the square is taken for the inner ring; ${share(train)} of the training points lie on their own side.`;
    canvas.setAttribute("aria-label", `Decision boundary. ${text}`);
    id("boundary-text").textContent = text;
  }

  /* The network itself: what each unit puts out over the square, and its weights as lines. */
  function drawNetwork({weights, maps, dead, grid, side}, now, when) {
    const canvas = id("network"), pen = canvas.getContext("2d"), {width, height} = canvas, hue = colours(), shade = answers(hue);
    const layers = LAYERS[run.now.layers], L = layers.length - 1, box = Math.min(56, (height - 30) / 10 - 6);
    const sizes = layers.map((_, l) => (l === L ? 2 * box : box));
    const left = (l) => 4 + ((width - 8 - sizes[L]) * l) / L;
    const middle = (l, i) => height / 2 + (i - (layers[l] - 1) / 2) * (box + 6) * (layers[l] < 6 ? 1.5 : 1);
    pen.clearRect(0, 0, width, height);
    for (let l = 1; l <= L; l++) {
      for (let i = 0; i < layers[l]; i++) {
        for (let k = 0; k < layers[l - 1]; k++) line(l, i, k, weights[l - 1][i * layers[l - 1] + k]);
      }
    }
    function line(l, i, k, w) {
      const x = left(l - 1) + sizes[l - 1], X = left(l), y = middle(l - 1, k), Y = middle(l, i), bend = (X - x) / 2;
      pen.lineWidth = w ? Math.max(0.7, Math.min(9, 1.6 * (Math.log10(Math.abs(w)) + 3))) : 0.7;
      pen.strokeStyle = w > 0 ? hue.positive : w < 0 ? hue.negative : hue.rule;
      pen.setLineDash(w < 0 ? [10, 6] : []);
      pen.beginPath();
      pen.moveTo(x, y);
      pen.bezierCurveTo(x + bend, y, X - bend, Y, X, Y);
      pen.stroke();
    }
    pen.setLineDash([]);
    const dark = rgb(hue.positive), pale = rgb(hue.paper);
    layers.forEach((n, l) => {
      for (let i = 0; i < n; i++) {
        const place = {x: left(l), y: middle(l, i) - sizes[l] / 2, size: sizes[l]};
        if (l === 0) paint(pen, place, 21, (p) => [pale, dark, i ? 1 - Math.floor(p / 21) / 20 : (p % 21) / 20]);
        else if (l === L) paint(pen, place, side, (p) => shade(grid[p]));
        else paint(pen, place, maps[l - 1].side, (p) => [pale, dark, maps[l - 1].values[i * maps[l - 1].side ** 2 + p] / 255]);
        const gone = l > 0 && l < L && dead[l - 1][i];
        pen.lineWidth = gone ? 3 : 2;
        pen.strokeStyle = gone ? hue.negative : hue.soft;
        pen.strokeRect(place.x, place.y, place.size, place.size);
        if (!gone) continue;
        pen.beginPath();
        pen.moveTo(place.x, place.y);
        pen.lineTo(place.x + place.size, place.y + place.size);
        pen.moveTo(place.x + place.size, place.y);
        pen.lineTo(place.x, place.y + place.size);
        pen.stroke();
      }
    });
    const typical = list(now.sizes.map((v, l) => `${short(v)} in W${l + 1}`)), gone = list(dead.map((units, l) => `${units.filter(Boolean).length} of ${units.length} in layer ${l + 1}`));
    canvas.setAttribute("aria-label", `The network ${when}: a typical weight is ${typical} (root mean square); dead units: ${gone}.`);
    id("network-text").textContent = `Typical weight ${when}: ${typical}.`;
  }

  // --- run and describe
  function regime(first, last, stillness) {
    if (stillness) return "dead";
    if (last.exact !== last.exact || first.exact !== first.exact || last.printed > first.printed) return "diverged";
    if (Math.abs(first.printed - LN2) < 0.05 && last.printed > 0.99 * LN2) return "plateau";
    if (first.printed > 3 * LN2 && last.printed > 0.3) return "saturated";
    return last.printed <= 0.3 ? "healthy" : "slow";
  }

  const DRAW_WORDS = {rand: "rand", narrow: "rand - 0.5", centred: "(rand - 0.5) * sqrt(12)"};
  const WORDS = {
    dead: "no gradient at the start",
    diverged: "ended with a higher cost than it began with",
    plateau: "on the plateau at ln 2, the cost of guessing",
    saturated: "began above three times the cost of guessing, ended above 0.3",
    healthy: "learned: cost at most 0.3",
    slow: "cost above 0.3 at the end",
  };

  function story() {
    const {now, last, samples} = run, first = samples[0], end = samples[samples.length - 1];
    const kind = regime(first, end, first.norms.every((v) => v === 0)), said = [];
    const places = digits([first.printed, end.printed]), from = money(first.printed, places), to = money(end.printed, places);
    const at = `iteration ${count(end.iteration)}`;
    const went = last.done ? `${count(now.iterations)} iterations` : `stopped after ${count(last.iteration)} of ${count(now.iterations)} iterations`;
    const drawn = now.draw === "randn" || now.scale === 0 ? "" : ` times ${DRAW_WORDS[now.draw]}`;
    said.push(`${scaled(now.scale)[0].toUpperCase()}${scaled(now.scale).slice(1)}${drawn}, seed ${now.seed}, ${HIDDEN[now.layers]}, learning rate ${now.rate}, ${went}: ${score(last.train)} of the training points and ${score(last.test)} of the test points are classed rightly.`);
    if (kind === "dead") {
      said.push("At the start the gradient of every weight was exactly 0.");
      if (!last.moved) said.push("No weight has moved since.");
      if (now.scale === 0) said.push("With every weight 0 the hidden units put out 0 and no error passes back through a weight, so there is nothing to multiply a step with.");
      if (last.deviation === 0) said.push("The output is exactly 0.5 for every point, which counts as the outer ring: half of the points.");
    }
    if (kind === "diverged") {
      if (end.exact !== end.exact) said.push(`The numbers ran out of range: the cost at ${at} is not a number.`);
      else said.push(`The cost was ${from} at iteration 0 and ${to} at ${at}: it ended ${short(end.printed - first.printed)} higher than it began.`);
    }
    const layer = last.dead.findIndex((units) => units.every(Boolean)), gone = layer >= 0 && now.scale !== 0;
    if (kind === "diverged" && Math.abs(first.printed - LN2) < 0.05 && Math.abs(end.printed - LN2) < 0.01) {
      said.push(`Both lie near ln 2 = 0.693147, the cost of answering 0.5 to every point: at the end ${short(Math.abs(end.printed - LN2))} away.`);
    }
    if (kind === "plateau") {
      said.push(`The cost was ${from} at iteration 0 and ${to} at ${at}, which lies ${short(Math.abs(end.printed - LN2))} from ln 2 = 0.693147, the cost of answering 0.5 to every point.`);
      said.push(last.escape === null ? "No iteration had a cost below 0.6: it has not left this plateau." : `It was below 0.6 at iteration ${count(last.escape)}, and came back.`);
      if (!gone && last.deviation > 0 && last.deviation < 0.01) said.push(`Every output lies within ${short(last.deviation)} of 0.5: which side of 0.5 a point falls on is decided by tiny differences, so this accuracy says little.`);
    }
    if (kind === "saturated") {
      said.push(`The cost at iteration 0 was ${from}, more than three times that of guessing (ln 2 = 0.693); ${share(first.saturated)} of the outputs were saturated there (below 0.001 or above 0.999).`);
      said.push(`At ${at} it was ${to}, above 0.3.`);
    }
    if (kind === "healthy") said.push(`It learned: the cost fell from ${from} at iteration 0 to ${to} at ${at}.`);
    if (kind === "slow") said.push(`The cost was ${from} at iteration 0 and ${to} at ${at}: above 0.3.`);
    if (gone && end.exact === end.exact) said.push(`At the end every unit of layer ${layer + 1} is dead: the network gives every training point the same answer, and no gradient passes down through that layer.`);
    if (first.printed === Infinity && isFinite(first.exact)) said.push(`The notebook prints inf at iteration 0 because it takes the logarithm of 0; computed exactly the cost there is ${short(first.exact)}, and the gradient is finite, so training goes on.`);
    if (last.escape !== null && last.escape > 0 && kind !== "plateau") said.push(`The first iteration with a cost below 0.6 was ${count(last.escape)}.`);
    if (kind !== "dead") said.push(`At the start the gradient norms were ${list(first.norms.map((v, l) => `${short(v)} (dW${l + 1})`))}.`);
    if (last.raised) said.push(`${count(last.raised)} of the ${count(last.iteration)} iterations had a cost more than 0.001 above that of the one before.`);
    said.push(...elsewhere(now, last));
    return {kind, text: said.join(" ")};
  }

  function elsewhere(now, last) { // what was measured when the page was made
    const said = [];
    const one = DATA.escapes.find((e) => now.draw === "randn" && e.scale === now.scale && e.seed === now.seed && e.layers === now.layers && e.rate === now.rate);
    if (one && last.escape === null) {
      said.push(one.iteration === null ? `Measured beforehand: with these settings the cost does not pass below 0.6 within ${count(DATA.cap)} iterations.` : `Measured beforehand: with these settings the cost first passes below 0.6 at iteration ${count(one.iteration)}.`);
    }
    const many = DATA.spread.find((s) => s.scale === now.scale && s.draw === now.draw);
    if (many && now.scale !== 0 && now.layers === START.layers && now.rate === START.rate && now.iterations === START.iterations && last.done) {
      said.push(`One seed is one draw: over the seeds 0 to ${many.seeds - 1} these settings end with a train accuracy between ${score(many.low)} and ${score(many.high)}, median ${score(many.median)}.`);
    }
    return said;
  }

  function rows(table, entries) {
    id(table).tBodies[0].replaceChildren(...entries.map(([head, value]) => {
      const row = document.createElement("tr"), name = document.createElement("th"), cell = document.createElement("td");
      name.scope = "row";
      name.textContent = head;
      cell.textContent = value;
      row.append(name, cell);
      return row;
    }));
  }

  function describe() {
    const {now, last, samples} = run, {kind, text} = story(), first = samples[0], end = samples[samples.length - 1];
    const step = rowStep(now.iterations), shown = samples.filter((s) => s.iteration % step === 0 || s === end);
    const places = Math.max(6, digits(shown.map((s) => s.printed)));
    id("paragraph").textContent = text;
    rows("facts", [
      ["in a word", last.done ? WORDS[kind] : `stopped; so far: ${WORDS[kind]}`],
      ["train accuracy", score(last.train)],
      ["test accuracy", score(last.test)],
      ["first iteration with a cost below 0.6", last.escape === null ? "none" : count(last.escape)],
      ...first.sizes.map((v, l) => [`typical weight W${l + 1}, start → end`, `${short(v)} → ${short(end.sizes[l])}`]),
      ...first.norms.map((v, l) => [`gradient norm dW${l + 1}, start → end`, `${short(v)} → ${short(end.norms[l])}`]),
      ...first.dead.map((v, l) => [`dead units, layer ${l + 1}, start → end`, `${share(v)} → ${share(end.dead[l])}`]),
      ["saturated outputs, start → end", `${share(first.saturated)} → ${share(end.saturated)}`],
    ]);
    rows("costs", shown.map((s) => [count(s.iteration), money(s.exact === s.exact ? s.printed : NaN, places)]));
    id("described").hidden = false;
    say(`${last.done ? "Done," : "Stopped near iteration"} ${count(last.iteration)}${last.done ? " iterations" : ""}: train accuracy ${score(last.train)}, test accuracy ${score(last.test)}.`);
  }

  // --- hands
  form.addEventListener("submit", (event) => { event.preventDefault(); go(); });
  id("stop").addEventListener("click", () => {
    stop();
    if (run.last) {
      rewind();
      describe();
    } else {
      say("Stopped before the first iteration.");
    }
    id("run").focus();
  });
  form.elements.slider.addEventListener("input", () => {
    const scale = DATA.scales[Number(form.elements.slider.value)];
    form.elements.scale.value = String(scale);
    form.elements.slider.setAttribute("aria-valuetext", `scale ${scale}`);
  });
  form.elements.scale.addEventListener("input", () => {
    if (form.elements.scale.validity.valid && form.elements.scale.value) slide(Number(form.elements.scale.value));
  });
  form.addEventListener("input", () => {
    enable();
    if (!form.checkValidity()) { stop(); return; }
    keep();
    preview();
  });
  for (const button of document.querySelectorAll("button[data-fragment]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      show(read(button.dataset.fragment).found);
      id("lab").scrollIntoView();
      id("run").focus({preventScroll: true});
      go();
    });
  }
  id("when").addEventListener("input", () => { const index = Number(id("when").value); stop(); at(index); });
  id("play").addEventListener("click", play);
  addEventListener("hashchange", restore);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (run && run.last) draw(run.frames[Number(id("when").value)]); });
  id("lab").hidden = false;
  restore();
}

page();
